// A device of its own on this machine: a root, processes, a name and a network in which only this side answers. It lives
// in namespaces below a process that ends with this one; nothing of it outlives the campaign.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DeviceShell, Said } from './device-shell.ts';
import { isForeign, type Processor } from './processors.ts';

/** This side's address and the device's. */
export const SITE_ADDRESS = '10.77.0.1';
export const DEVICE_ADDRESS = '10.77.0.2';
const CABLE = 'to-device';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first process of the device: mounts what a kernel gives, tells its number on this side, stays until told. */
const FIRST = [
  'set -e',
  'root=$1',
  'hostname device',
  'read -r number rest < /proc/self/stat',
  'mount -t sysfs sysfs "$root/sys"',
  'mount -t proc proc "$root/proc"',
  'if [ -s "$2" ]; then mount --bind "$2" "$root/proc/cpuinfo"; fi',
  'echo "$number"',
  'exec cat > /dev/null',
].join('\n');

/** One device. */
export class ApartDevice implements DeviceShell {
  readonly #root: string;
  readonly #number: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(root: string, number: string, environment: Readonly<Record<string, string>>) {
    this.#root = root;
    this.#number = number;
    this.#environment = environment;
  }

  /** Brings it up on a root, with its cable plugged in. */
  static async open(options: { root: string; scratch: string; processor: Processor }): Promise<ApartDevice> {
    const { root, scratch, processor } = options;
    const isEmulated = isForeign(processor);
    const cpuinfo = join(scratch, 'cpuinfo');
    writeFileSync(cpuinfo, isEmulated ? processor.cpuinfo : '');
    const apart = ['--mount', '--net', '--pid', '--uts', '--fork', '--kill-child'];
    const first = spawn('unshare', [...apart, 'sh', '-c', FIRST, 'sh', root, cpuinfo], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [number = ''] = (await once(createInterface({ input: first.stdout }), 'line')) as string[];
    plugIn(number);
    return new ApartDevice(root, number, isEmulated ? processor.environment : {});
  }

  /** Runs a line in the device's shell, as root. */
  async run(line: string): Promise<Said> {
    const said = { out: '', err: '' };
    const child = this.#shell(line);
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.err += text));
    await once(child, 'close');
    return { code: child.exitCode, ...said };
  }

  /** Starts a line that goes on. Returns what it has said until now. */
  start(line: string): () => string {
    let said = '';
    const child = this.#shell(line);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => void (said += text));
    return () => said;
  }

  /** Bytes that came over the cable until now, with all headers down to Ethernet's. */
  takenBytes(): number {
    const statistics = `/sys/class/net/eth0/statistics/rx_bytes`;
    return Number(execFileSync('nsenter', [...this.#into(), 'chroot', this.#root, 'cat', statistics]));
  }

  #shell(line: string) {
    return spawn('nsenter', [...this.#into(), 'chroot', this.#root, 'sh', '-c', line], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, HOME: '/root', ...this.#environment },
    });
  }

  #into(): string[] {
    return ['--target', this.#number, '--mount', '--net', '--pid', '--uts'];
  }
}

/** A cable between the network of this process and the device's. */
function plugIn(number: string): void {
  const ip = (...args: string[]) => execFileSync('ip', args);
  const there = (...args: string[]) => execFileSync('nsenter', ['--target', number, '--net', 'ip', ...args]);
  ip('link', 'add', CABLE, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', number);
  ip('addr', 'add', `${SITE_ADDRESS}/24`, 'dev', CABLE);
  ip('link', 'set', CABLE, 'up');
  ip('link', 'set', 'lo', 'up');
  there('addr', 'add', `${DEVICE_ADDRESS}/24`, 'dev', 'eth0');
  there('link', 'set', 'eth0', 'up');
  there('link', 'set', 'lo', 'up');
}
