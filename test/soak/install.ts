// Runs the line of `nanofleet devices add` on a Debian of its own, without any network but the controller's, from the
// line to the first decision, its event at the controller and an uninstall that leaves nothing. Options: --arch
// x64|arm64|both (this machine's), --packages DIR (agent/dist/packages), --cache DIR of Debian roots (in the system's
// temporary folder). Needs root, and debootstrap where a root is missing; for arm64 on x64, qemu-user-static.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ApartDevice, SITE_ADDRESS } from './parts/apart-device.ts';
import { debianRoot, hasCommand, layeredRoot, rootPlace } from './parts/debian-root.ts';
import { GROUP, InstallSite } from './parts/install-site.ts';
import { InstalledAgent } from './parts/installed-agent.ts';
import { leftoversOf } from './parts/leftovers.ts';
import { emulate, isForeign, PROCESSORS, type Processor, QEMU } from './parts/processors.ts';
import { ROOT } from './parts/starter.ts';

const SECONDS_MAX = 60;
const resultSchema = z.record(z.string(), z.unknown());
const DEVICE = 'pump-1';

const { values: given } = parseArgs({
  options: {
    arch: { type: 'string', default: process.arch },
    packages: { type: 'string', default: join(ROOT, 'agent', 'dist', 'packages') },
    cache: { type: 'string', default: join(tmpdir(), 'nanofleet-roots') },
    /** For the process that runs in namespaces of its own: where it may write. */
    inside: { type: 'string' },
  },
});

/** What this machine lacks for a device of the processor. */
function missingFor(processor: Processor): string[] {
  const root = existsSync(rootPlace(processor, given.cache));
  const wanted = ['unshare', 'nsenter', 'ip', 'mount', ...(root ? [] : ['debootstrap'])];
  const missing = wanted.filter((name) => !hasCommand(name));
  if (process.getuid?.() !== 0) missing.unshift('root');
  if (isForeign(processor) && processor.arch !== 'arm64') missing.push(`a ${processor.arch} processor`);
  if (isForeign(processor) && !existsSync(QEMU)) missing.push(`${QEMU} (Debian: qemu-user-static)`);
  if (!existsSync(join(given.packages, 'index.json')))
    missing.push(`packages in ${given.packages} (npx -y pnpm@12 package:agent)`);
  return missing;
}

/** The campaign for one processor, inside namespaces of its own. */
async function installOn(processor: Processor, scratch: string): Promise<Record<string, unknown>> {
  const layers = layeredRoot(rootPlace(processor, given.cache), scratch);
  const device = await ApartDevice.open({ root: layers.merged, scratch, processor });
  const site = await InstallSite.open({ scratch, packages: resolve(given.packages), address: SITE_ADDRESS });
  const agent = new InstalledAgent(device);
  const line = await site.nanofleet('devices', 'add', DEVICE, '--group', GROUP);

  const [begunMs, takenBefore] = [performance.now(), device.takenBytes()];
  const installed = await agent.install(line);
  const installedMs = performance.now();
  const takenBytes = device.takenBytes() - takenBefore;
  const log = agent.start(installed);
  const decision = await agent.firstDecision().catch((thrown: unknown) => {
    console.log(log());
    throw thrown;
  });
  const decidedMs = performance.now();
  console.log(installed);
  await site.arrived(decision.id);
  const { engine, link } = await agent.status();
  const unit = await agent.unit();
  await agent.uninstall();
  const [stillRunning, left] = [await agent.running(), leftoversOf(layers)];
  await site.close();
  return {
    arch: processor.arch,
    isEmulated: isForeign(processor),
    secondsToInstalled: seconds(installedMs - begunMs),
    secondsToDecision: seconds(decidedMs - begunMs),
    ...{ takenBytes, label: decision.label, engine: `${engine?.name} ${engine?.version}`, link, unit },
    ...{ stillRunning, ...left, load: loadavg()[0] },
  };
}

const seconds = (milliseconds: number): number => Math.round(milliseconds / 100) / 10;

const isGood = ({ arch, secondsToDecision, leftovers, stillRunning }: Record<string, unknown>): boolean =>
  (arch !== 'x64' || Number(secondsToDecision) <= SECONDS_MAX) &&
  [leftovers, stillRunning].every((found) => Array.isArray(found) && found.length === 0);

/** Runs this program for one processor where nothing of it reaches this machine, and mounts and processes end with it. */
async function apart(processor: Processor): Promise<Record<string, unknown>> {
  const scratch = await mkdtemp(join(tmpdir(), 'nanofleet-install-'));
  const stopEmulating = emulate(processor);
  debianRoot(processor, given.cache);
  const spaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const program = [process.execPath, fileURLToPath(import.meta.url), '--inside', scratch];
  const options = ['--arch', processor.arch, '--packages', given.packages, '--cache', given.cache];
  const child = spawn('unshare', [...spaces, ...program, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const over = once(child, 'close');
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) {
    if (last !== '') console.log(last);
    last = line;
  }
  await over;
  stopEmulating();
  await rm(scratch, { recursive: true, force: true });
  if (child.exitCode === 0) return resultSchema.parse(JSON.parse(last));
  console.log(last);
  return { arch: processor.arch, error: `ended with ${child.exitCode ?? child.signalCode}` };
}

async function main(): Promise<void> {
  const asked = Object.values(PROCESSORS).filter(({ arch }) => ['both', arch].includes(given.arch));
  if (given.inside !== undefined && asked[0] !== undefined) {
    console.log(JSON.stringify(await installOn(asked[0], given.inside)));
    // What the campaign started ends with its namespaces.
    process.exit(0);
  }
  const missing =
    asked.length === 0 ? ['--arch x64, arm64 or both'] : [...new Set(asked.flatMap(missingFor))];
  for (const what of missing) console.error(`missing: ${what}`);
  const devices: Record<string, unknown>[] = [];
  if (missing.length === 0) for (const processor of asked) devices.push(await apart(processor));
  const ok = missing.length === 0 && devices.every(isGood);
  console.log(JSON.stringify({ soak: 'install', ok, missing, devices }));
  process.exitCode = ok ? 0 : 1;
}

await main();
