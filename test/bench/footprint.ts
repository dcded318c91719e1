// What an agent takes of a device: memory with both lines loaded, time until it is ready, bytes that are shipped. Memory
// is read twice: from a lone agent, and from the five of a running fleet that are connected and have worked.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ENGINE_CHOICES, type EngineChoice } from '@nanofleet/runtime/node';
import { useOf } from '../load/process-use.ts';
import { Starter } from '../soak/parts/starter.ts';
import { TendedAgent } from '../soak/parts/tended-agent.ts';
import { printTable, quantilesOf, rounded } from './parts/figures.ts';
import { AGENT_FILE, BUNDLES, memoryOf, prepareAgent, ROOT, startLoneAgent } from './parts/lone-agent.ts';

const MB = 1e6;

function bytesBelow(path: string): number {
  const found = statSync(path);
  if (!found.isDirectory()) return found.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), 0);
}

/** onnxruntime-node pruned to this platform: its JavaScript and the libraries of one processor. */
function runtimeBytes(): number {
  const directory = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const [napi = ''] = readdirSync(join(directory, 'bin'));
  const libraries = join(directory, 'bin', napi, process.platform, process.arch);
  const shipped = readdirSync(libraries).filter((name) => !/cuda|tensorrt|webgpu/i.test(name));
  const native = shipped.reduce((sum, name) => sum + bytesBelow(join(libraries, name)), 0);
  return native + bytesBelow(join(directory, 'dist'));
}

/** The agent and the programs of its threads. */
function programBytes(): number {
  const directory = dirname(AGENT_FILE);
  const programs = readdirSync(directory).filter((name) => name.endsWith('.mjs'));
  return programs.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

/** A device gets what the manifest lists, the manifest and its signature; cards stay behind. */
async function bundleBytes(name: string): Promise<number> {
  const directory = join(ROOT, 'bundles', name);
  const text = await readFile(join(directory, 'manifest.json'), 'utf8');
  const { files } = JSON.parse(text) as { files: { bytes: number }[] };
  return files.reduce((sum, { bytes }) => sum + bytes, Buffer.byteLength(text));
}

async function lone(
  engine: EngineChoice,
  { rounds, decisions }: { readonly rounds: number; readonly decisions: number },
) {
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-foot-'));
  await prepareAgent(directory);
  const readyMs: number[] = [];
  const loadedRss: number[] = [];
  const workedRss: number[] = [];
  const peakRss: number[] = [];
  const ownBytes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const agent = await startLoneAgent(directory, engine);
    readyMs.push(agent.readyMs);
    loadedRss.push(memoryOf(agent.pid, 'VmRSS'));
    for (let turn = 0; turn < decisions; turn += 1) await agent.decide('turn the kitchen light on');
    workedRss.push(memoryOf(agent.pid, 'VmRSS'));
    peakRss.push(memoryOf(agent.pid, 'VmHWM'));
    ownBytes.push(useOf(agent.pid).anonymousBytes);
    await agent.end();
  }
  await rm(directory, { recursive: true, force: true });
  return { readyMs, loadedRss, workedRss, peakRss, ownBytes };
}

/** Memory of the five agents of a fleet after four scenes. */
async function fleet(): Promise<number[]> {
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-foot-'));
  const starter = new Starter({ directory, args: [] });
  await starter.line((line) => line.startsWith(' ✓ 4'));
  const agents = Object.entries(starter.pids()).filter(([name]) => name !== 'controller');
  const memory = agents.map(([, pid]) => memoryOf(pid, 'VmRSS'));
  starter.process.kill('SIGINT');
  await starter.ended;
  await rm(directory, { recursive: true, force: true });
  return memory;
}

/** The highest memory of an agent over TLS in a round, in which it trains. */
async function training(): Promise<number> {
  const tended = await TendedAgent.open([]);
  const peakBytes = await tended.round();
  await tended.close();
  return peakBytes;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      decisions: { type: 'string', default: '2000' },
      engine: { type: 'string', default: 'auto' },
    },
  });
  const engine = ENGINE_CHOICES.find((name) => name === values.engine) ?? 'auto';
  const seen = await lone(engine, { rounds: Number(values.rounds), decisions: Number(values.decisions) });
  const inFleet = existsSync('/proc/self') ? await fleet() : [];
  const trainingPeak = await training();
  const agentBytes = programBytes();
  const models = await Promise.all(BUNDLES.map(bundleBytes));
  const modelBytes = models.reduce((sum, bytes) => sum + bytes, 0);
  const runtime = runtimeBytes();
  const megabytes = (list: readonly number[]) => rounded(quantilesOf(list).p50 / MB);
  const figures = {
    bench: 'footprint',
    rounds: Number(values.rounds),
    engine,
    readyMs: rounded(quantilesOf(seen.readyMs).p50),
    readyMsWorst: rounded(Math.max(...seen.readyMs)),
    rssLoadedMB: megabytes(seen.loadedRss),
    rssWorkedMB: megabytes(seen.workedRss),
    rssPeakMB: megabytes(seen.peakRss),
    ownMB: megabytes(seen.ownBytes),
    rssInFleetMB: megabytes(inFleet),
    rssInFleetWorstMB: rounded(Math.max(...inFleet) / MB),
    trainingPeakMB: rounded(trainingPeak / MB),
    shippedBytes: {
      agent: agentBytes,
      onnxruntime: runtime,
      models: modelBytes,
      all: agentBytes + runtime + modelBytes,
    },
  };
  printTable([
    ['agent with both lines', 'median', 'worst'],
    ['ready after, ms', figures.readyMs, figures.readyMsWorst],
    ['memory when loaded, MB', figures.rssLoadedMB, rounded(Math.max(...seen.loadedRss) / MB)],
    [
      `memory after ${values.decisions} decisions, MB`,
      figures.rssWorkedMB,
      rounded(Math.max(...seen.workedRss) / MB),
    ],
    ['of it no file of Node or ONNX Runtime, MB', figures.ownMB, rounded(Math.max(...seen.ownBytes) / MB)],
    ['memory within a fleet at work, MB', figures.rssInFleetMB, figures.rssInFleetWorstMB],
    ['memory at most while training, MB', figures.trainingPeakMB, ''],
    ['shipped: agent, MB', rounded(agentBytes / MB), ''],
    ['shipped: onnxruntime, one platform, MB', rounded(runtime / MB), ''],
    ['shipped: two models, MB', rounded(modelBytes / MB), ''],
  ]);
  console.log(JSON.stringify(figures));
}

await main();
