// A device that is a whole machine: a Debian with systemd that boots under qemu, on a cable in the caller's network
// namespace. Its disk is made of a root directory and outlives a power cut; the machine ends with this process.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { NanofleetError } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { DEVICE_ADDRESS, SITE_ADDRESS } from './apart-device.ts';
import { layeredRoot } from './debian-root.ts';
import type { DeviceShell, Said } from './device-shell.ts';

const CABLE = 'to-machine';
const DISK_SIZE = '2G';
/** Emulated without the processor's help, a boot takes half a minute. */
const BOOTS_WITHIN_MS = 300_000;
const RUNS_WITHIN_MS = 600_000;

/** Reads lines in base64 from a port, runs each, and writes back how it ended. */
const CONTROL = `#!/bin/sh
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec < /dev/hvc0 > /dev/hvc0
stty raw -echo
echo booted
while IFS= read -r line; do
  printf %s "$line" | base64 -d > /run/control.line
  code=0
  sh /run/control.line > /run/control.out 2> /run/control.err < /dev/null || code=$?
  echo "said:$code:$(base64 -w 0 /run/control.out):$(base64 -w 0 /run/control.err)"
done
`;
const CONTROL_UNIT = `[Unit]
After=multi-user.target
[Service]
ExecStart=/usr/local/sbin/control
[Install]
WantedBy=multi-user.target
`;
const NETWORK = `[Match]\nName=eth0\n[Network]\nAddress=${DEVICE_ADDRESS}/24\nGateway=${SITE_ADDRESS}\n`;

/** One machine, of one processor. */
export class MachineDevice implements DeviceShell {
  readonly #options: { readonly root: string; readonly scratch: string; readonly memoryMB: number };
  #qemu: ChildProcess | undefined;
  #port: Socket | undefined;
  #lines: Interface | undefined;

  private constructor(options: { root: string; scratch: string; memoryMB: number }) {
    this.#options = options;
  }

  /** Lays its disk from a root, plugs in its cable and boots it. */
  static async open(options: { root: string; scratch: string; memoryMB: number }): Promise<MachineDevice> {
    const { merged } = layeredRoot(options.root, options.scratch);
    prepare(merged);
    execFileSync('mkfs.ext4', ['-q', '-d', merged, join(options.scratch, 'disk'), DISK_SIZE]);
    plugIn();
    const machine = new MachineDevice(options);
    await machine.boot();
    return machine;
  }

  /** Switches it on. Resolves when its services are up; returns milliseconds that it took. */
  async boot(): Promise<number> {
    const begunMs = performance.now();
    const { root, scratch, memoryMB } = this.#options;
    const socket = join(scratch, 'port');
    const boot = (name: string) =>
      join(root, 'boot', readdirSync(join(root, 'boot')).find((found) => found.startsWith(name)) ?? name);
    const args = [
      ...[
        '-accel',
        'tcg',
        '-cpu',
        'max',
        '-m',
        `${memoryMB}`,
        '-smp',
        '1',
        '-nodefaults',
        '-display',
        'none',
      ],
      ...['-kernel', boot('vmlinuz'), '-initrd', boot('initrd.img')],
      ...['-append', 'root=/dev/vda rw net.ifnames=0 console=ttyS0 quiet panic=-1'],
      ...['-drive', `file=${join(scratch, 'disk')},if=virtio,format=raw`],
      ...['-serial', `file:${join(scratch, 'console')}`],
      ...['-netdev', `tap,id=cable,ifname=${CABLE},script=no,downscript=no`],
      ...['-device', 'virtio-net-pci,netdev=cable', '-device', 'virtio-rng-pci'],
      ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=port,path=${socket},server=on,wait=on`],
      ...['-device', 'virtconsole,chardev=port'],
    ];
    this.#qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'inherit', 'inherit'] });
    this.#port = await eventually(() => connected(socket), { withinMs: 30_000 });
    this.#lines = createInterface({ input: this.#port });
    const signal = AbortSignal.timeout(BOOTS_WITHIN_MS);
    for (let line = ''; line !== 'booted'; )
      [line = ''] = (await once(this.#lines, 'line', { signal })) as string[];
    return performance.now() - begunMs;
  }

  async run(line: string): Promise<Said> {
    const [lines, port] = [this.#lines, this.#port];
    if (lines === undefined || port === undefined) throw new NanofleetError('INTERNAL', 'the machine is off');
    const answer = lineThat(lines, (said) => said.startsWith('said:'), AbortSignal.timeout(RUNS_WITHIN_MS));
    port.write(`${Buffer.from(line).toString('base64')}\n`);
    const said = await answer;
    const [, code, out = '', err = ''] = said.split(':');
    const text = (base64: string) => Buffer.from(base64, 'base64').toString();
    return { code: Number(code), out: text(out), err: text(err) };
  }

  start(line: string): () => string {
    void this.run(`systemd-run --quiet sh -c '${line}'`);
    return () => '';
  }

  /** Takes its power away, between any two instructions. */
  async cutPower(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu === undefined) return;
    const over = once(qemu, 'close');
    qemu.kill('SIGKILL');
    await over;
    this.#port?.destroy();
    [this.#qemu, this.#port, this.#lines] = [undefined, undefined, undefined];
  }
}

/** The next line that is so; a console may carry others. */
async function lineThat(
  lines: Interface,
  isSo: (line: string) => boolean,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    const [line = ''] = (await once(lines, 'line', { signal })) as string[];
    if (isSo(line)) return line;
  }
}

async function connected(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await once(socket, 'connect');
  return socket;
}

/** What a root needs to be reached. */
function prepare(root: string): void {
  const units = join(root, 'etc', 'systemd', 'system');
  const wants = (target: string, unit: string, from: string) => {
    mkdirSync(join(units, `${target}.wants`), { recursive: true });
    symlinkSync(join(from, unit), join(units, `${target}.wants`, unit));
  };
  writeFileSync(join(root, 'usr/local/sbin/control'), CONTROL, { mode: 0o755 });
  writeFileSync(join(units, 'control.service'), CONTROL_UNIT);
  writeFileSync(join(root, 'etc/systemd/network/cable.network'), NETWORK);
  writeFileSync(join(root, 'etc/hostname'), 'machine\n');
  wants('multi-user.target', 'control.service', '/etc/systemd/system');
  wants('multi-user.target', 'systemd-networkd.service', '/lib/systemd/system');
  wants('network-online.target', 'systemd-networkd-wait-online.service', '/lib/systemd/system');
}

/** This side's end of the cable. */
function plugIn(): void {
  const ip = (...args: string[]) => execFileSync('ip', args);
  ip('tuntap', 'add', 'dev', CABLE, 'mode', 'tap');
  ip('addr', 'add', `${SITE_ADDRESS}/24`, 'dev', CABLE);
  ip('link', 'set', CABLE, 'up');
  ip('link', 'set', 'lo', 'up');
}
