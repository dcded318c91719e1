// Runs the line of `nanofleet devices add` on a whole machine: a Debian with systemd that boots under qemu with little
// memory. From the line to a decision under its service, a hung agent that the watchdog ends, a power cut, wrong clocks,
// and an uninstall that leaves nothing. Options: --memory MB (256), --packages DIR (agent/dist/packages), --cache DIR of Debian
// roots. Needs root, debootstrap where the root is missing, qemu-system-x86, iproute2, e2fsprogs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lineIdSchema, NanofleetError } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { SITE_ADDRESS } from './parts/apart-device.ts';
import { hasCommand, machineRoot, rootPlace } from './parts/debian-root.ts';
import { FIRST_RELEASE, GROUP, InstallSite } from './parts/install-site.ts';
import { InstalledAgent } from './parts/installed-agent.ts';
import { MachineDevice } from './parts/machine-device.ts';
import { leftOn, memoryOf, noteFiles, restartsOf, stopAll } from './parts/machine-service.ts';
import { PROCESSORS } from './parts/processors.ts';
import { ROOT } from './parts/starter.ts';

const DEVICE = 'pump-1';
const LINE = lineIdSchema.parse('intent');
/** What the machine's clock is set to, one after the other: an empty battery, far ahead, and back by a day. */
const CLOCKS = ['1970-01-01 00:00:10 UTC', '2036-11-27 12:00:00 UTC', '2036-11-26 12:00:00 UTC'];
/** What it is moved by every five seconds: three times too fast, and backwards. Faster, and all timers of the system run. */
const DRIFTS = ['10 seconds', '10 seconds ago'];
/** Tried, watched and committed, emulated. */
const RELEASED_WITHIN_MS = 300_000;
/** WatchdogSec of the unit is 120 s; ending a stopped process and starting it again comes on top, emulated. */
const HANG_ENDS_WITHIN_MS = 420_000;
/** Until the start's garbage is collected and the kernel has had its say. */
const SETTLE_MS = 60_000;

const { values: given } = parseArgs({
  options: {
    memory: { type: 'string', default: '256' },
    packages: { type: 'string', default: join(ROOT, 'agent', 'dist', 'packages') },
    cache: { type: 'string', default: join(tmpdir(), 'nanofleet-roots') },
    /** For the process that runs in namespaces of its own: where it may write. */
    inside: { type: 'string' },
  },
});

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));
const seconds = (milliseconds: number): number => Math.round(milliseconds / 100) / 10;

function missing(): string[] {
  const hasRoot = existsSync(`${rootPlace(PROCESSORS.x64, given.cache)}-machine`);
  const wanted = ['unshare', 'ip', 'mkfs.ext4', 'qemu-system-x86_64', ...(hasRoot ? [] : ['debootstrap'])];
  const found = wanted.filter((name) => !hasCommand(name));
  if (process.getuid?.() !== 0) found.unshift('root');
  if (!existsSync(join(given.packages, 'index.json')))
    found.push(`packages in ${given.packages} (npx -y pnpm@12 package:agent)`);
  return found;
}

/** A question, its answer, and its event at the controller. */
async function decides(agent: InstalledAgent, site: InstallSite): Promise<string> {
  const { id, label } = await agent.firstDecision();
  await site.arrived(id);
  return label;
}

/** Stops what runs of the agent, as a hang would, until the service manager has started it again. */
async function hang(machine: MachineDevice): Promise<number> {
  const begunMs = performance.now();
  const before = await restartsOf(machine);
  await stopAll(machine);
  const look = async (): Promise<void> => {
    if ((await restartsOf(machine)) === before) throw new NanofleetError('INTERNAL', 'it still hangs');
  };
  await eventually(look, { withinMs: HANG_ENDS_WITHIN_MS, everyMs: 2_000 });
  return performance.now() - begunMs;
}

/** Under each wrong clock the service starts anew, connects, decides, and takes the next version; drifting ones move on meanwhile. */
async function tellWrongTime(
  machine: MachineDevice,
  agent: InstalledAgent,
  site: InstallSite,
): Promise<void> {
  const wrong = [
    ...CLOCKS.map((clock) => ({ clock, command: `date -s '${clock}'` })),
    ...DRIFTS.map((clock) => ({
      clock: `${clock} every five seconds`,
      command: `systemd-run --quiet --unit=drift sh -c "while date -s '${clock}'; do sleep 5; done"`,
    })),
  ];
  for (const [at, { clock, command }] of wrong.entries()) {
    await machine.run(`${command} && systemctl restart nanofleet-agent`);
    await decides(agent, site);
    const digest = await site.release(FIRST_RELEASE + at + 1);
    const look = async (): Promise<void> => {
      const { committed } = (await agent.status()).lines[LINE] ?? {};
      if (committed !== digest) throw new NanofleetError('INTERNAL', `at ${clock} it runs ${committed}`);
    };
    await eventually(look, { withinMs: RELEASED_WITHIN_MS, everyMs: 2_000 });
    console.log(`at ${clock} it connects, decides and takes a version`);
    await machine.run('systemctl stop drift 2> /dev/null || true');
  }
}

async function campaign(scratch: string): Promise<Record<string, unknown>> {
  const root = machineRoot(PROCESSORS.x64, given.cache);
  const machine = await MachineDevice.open({ root, scratch, memoryMB: Number(given.memory) });
  await noteFiles(machine);
  const site = await InstallSite.open({ scratch, packages: resolve(given.packages), address: SITE_ADDRESS });
  const agent = new InstalledAgent(machine);
  console.log('the machine is up; the line runs');
  const begunMs = performance.now();
  console.log(await agent.install(await site.nanofleet('devices', 'add', DEVICE, '--group', GROUP)));
  const installedMs = performance.now() - begunMs;
  const label = await decides(agent, site);
  const decidedMs = performance.now() - begunMs;
  await pause(SETTLE_MS);
  const memory = await memoryOf(machine);
  const unit = await agent.unit();
  console.log(`decided ${label} after ${seconds(decidedMs)} s; the agent's process is stopped`);
  const hungMs = await hang(machine);
  await decides(agent, site);
  console.log(`it was started again after ${seconds(hungMs)} s and decides; the power is cut`);
  await machine.cutPower();
  const bootMs = await machine.boot();
  await decides(agent, site);
  console.log('it decides after the power cut');
  await tellWrongTime(machine, agent, site);
  await agent.uninstall();
  const left = await leftOn(machine);
  await machine.cutPower();
  await site.close();
  return {
    ...{ memoryMB: Number(given.memory), label, secondsToInstalled: seconds(installedMs) },
    ...{
      secondsToDecision: seconds(decidedMs),
      secondsHung: seconds(hungMs),
      secondsToBoot: seconds(bootMs),
    },
    ...{ clocks: [...CLOCKS, ...DRIFTS], ...memory, unit, ...left, load: loadavg()[0] },
  };
}

/** Runs this program where nothing of it reaches this machine, and its processes end with it. */
async function apart(): Promise<number> {
  const scratch = await mkdtemp(join(tmpdir(), 'nanofleet-machine-'));
  const spaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const options = ['--memory', given.memory, '--packages', given.packages, '--cache', given.cache];
  const program = [process.execPath, fileURLToPath(import.meta.url), '--inside', scratch];
  const child = spawn('unshare', [...spaces, ...program, ...options], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await once(child, 'close');
  await rm(scratch, { recursive: true, force: true });
  return child.exitCode ?? 1;
}

async function main(): Promise<void> {
  if (given.inside !== undefined) {
    const figures = await campaign(given.inside);
    const ok = [figures['leftovers'], figures['stillRunning']].every(
      (found) => (found as unknown[]).length === 0,
    );
    console.log(JSON.stringify({ soak: 'machine', ok, ...figures }));
    process.exit(ok ? 0 : 1);
  }
  const lacking = missing();
  for (const what of lacking) console.error(`missing: ${what}`);
  if (lacking.length > 0) console.log(JSON.stringify({ soak: 'machine', ok: false, missing: lacking }));
  else machineRoot(PROCESSORS.x64, given.cache);
  process.exitCode = lacking.length > 0 ? 1 : await apart();
}

await main();
