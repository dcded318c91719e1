// How many int8 updates of 100,000 parameters one core averages, from the bytes of MQTT payloads through decoding, checks
// and the sum, beside a C loop that does the same; and how memory grows with the number of clients. Both sides take turns
// batch by batch, so that noise of the machine hits them alike.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  type Digest,
  decodeFrame,
  encodeFrame,
  encodeUpdate,
  framesOf,
  makeUuid,
  readUpdate,
} from '@nanofleet/protocol';
import { Aggregator, seededShares } from '@nanofleet/runtime';
import { printTable, quantilesOf, rounded } from './parts/figures.ts';
import { ROOT } from './parts/lone-agent.ts';

const ELEMENTS = [99_600, 400];
const PARAMETERS = 100_000;
/** Different payloads, more than a cache holds: each comes from the network once. */
const PAYLOADS = 64;
const CLIP_NORM = 1;
const CLIENTS = [100, 1_000, 10_000];
const BAR = 0.5;

/** The frame of one client's update, as MQTT delivers it. */
function payloadOf(seed: number): Buffer {
  const share = seededShares(seed);
  const codes = (count: number) => Int8Array.from({ length: count }, () => Math.floor(share() * 255) - 127);
  const bytes = encodeUpdate({
    base: 'a'.repeat(64) as Digest,
    labelsVersion: 1,
    examples: 1 + Math.floor(share() * 100),
    tensors: ELEMENTS.map((count) => ({ scale: 1e-5 + share() * 1e-4, codes: codes(count) })),
  });
  const correlation = makeUuid(0, new Uint8Array(10));
  const [frame] = framesOf({ kind: 'update', correlation, bytes });
  return Buffer.from(
    encodeFrame(frame ?? { kind: 'update', correlation, index: 0, isLast: true, payload: bytes }),
  );
}

function take(aggregator: Aggregator, payload: Uint8Array): void {
  const { examples, tensors } = readUpdate(decodeFrame(payload).payload);
  aggregator.add(tensors, examples);
}

/** Nanoseconds for a batch, and the first element of its average. */
function batch(payloads: readonly Uint8Array[], updates: number): { nanos: number; first: number } {
  const aggregator = new Aggregator({ elements: ELEMENTS, clipNorm: CLIP_NORM });
  const begun = process.hrtime.bigint();
  for (let at = 0; at < updates; at += 1)
    take(aggregator, payloads[at % payloads.length] ?? new Uint8Array());
  const nanos = Number(process.hrtime.bigint() - begun);
  return { nanos, first: aggregator.average().tensors[0]?.[0] ?? Number.NaN };
}

interface Reference {
  batch(updates: number): Promise<{ nanos: number; first: number }>;
  end(): void;
}

/** The C program, compiled here; null without a compiler. */
async function compiled(payloads: readonly Buffer[], directory: string): Promise<Reference | null> {
  const program = join(directory, 'aggregate');
  const source = join(ROOT, 'test', 'bench', 'parts', 'aggregate.c');
  try {
    execFileSync('gcc', ['-O3', '-march=native', '-o', program, source, '-lm'], { stdio: 'pipe' });
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
    return null;
  }
  const file = join(directory, 'payloads');
  await writeFile(file, Buffer.concat(payloads));
  const child = spawn(program, [file, String(payloads[0]?.length), String(CLIP_NORM), String(PARAMETERS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  return {
    async batch(updates) {
      const answer = once(lines, 'line') as Promise<[string]>;
      child.stdin.write(`${updates}\n`);
      const [nanos = 0, first = Number.NaN] = (await answer)[0].split(' ').map(Number);
      return { nanos, first };
    },
    end: () => void child.stdin.end(),
  };
}

/** Greatest resident memory of a process that averaged so many clients, MB, each payload a buffer of its own. */
function memoryOf(clients: number): number {
  const self = fileURLToPath(import.meta.url);
  const out = execFileSync(process.execPath, [self, '--memory', String(clients)], { encoding: 'utf8' });
  return Number(out);
}

async function measureMemory(clients: number): Promise<void> {
  const aggregator = new Aggregator({ elements: ELEMENTS, clipNorm: CLIP_NORM });
  const template = payloadOf(1);
  for (let at = 0; at < clients; at += 1) take(aggregator, Buffer.from(template));
  const status = existsSync('/proc/self/status') ? await readFile('/proc/self/status', 'utf8') : '';
  const peakKb = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  console.log(peakKb === undefined ? process.memoryUsage().rss / 1e6 : (Number(peakKb) * 1024) / 1e6);
}

async function measure(turns: number, updates: number) {
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-aggregate-'));
  const payloads = Array.from({ length: PAYLOADS }, (_, at) => payloadOf(at + 1));
  const reference = await compiled(payloads, directory);
  const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []];
  const perSecond = (nanos: number) => (updates / nanos) * 1e9;
  for (let turn = -2; turn < turns; turn += 1) {
    const own = batch(payloads, updates);
    const other = await reference?.batch(updates);
    if (other !== undefined && Math.abs(own.first - other.first) > 1e-6)
      throw new RangeError(`the averages differ: ${own.first} and ${other.first}`);
    if (turn < 0) continue;
    ours.push(perSecond(own.nanos));
    if (other === undefined) continue;
    theirs.push(perSecond(other.nanos));
    ratios.push(other.nanos / own.nanos);
  }
  reference?.end();
  await rm(directory, { recursive: true, force: true });
  const median = (values: readonly number[]) =>
    values.length === 0 ? null : rounded(quantilesOf(values).p50);
  return { updatesPerS: median(ours), updatesPerSInC: median(theirs), ratio: median(ratios) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      turns: { type: 'string', default: '101' },
      updates: { type: 'string', default: '200' },
      memory: { type: 'string' },
    },
  });
  if (values.memory !== undefined) return measureMemory(Number(values.memory));
  const speed = await measure(Number(values.turns), Number(values.updates));
  const memory = CLIENTS.map((clients) => ({ clients, peakMB: rounded(memoryOf(clients)) }));
  printTable([
    ['100,000 parameters, int8', 'updates/s'],
    ['this kernel (WebAssembly SIMD)', speed.updatesPerS ?? '–'],
    ['C loop, gcc -O3 -march=native', speed.updatesPerSInC ?? 'no gcc here: left out'],
    ['ratio of the two, median of turns', speed.ratio ?? '–'],
    ...memory.map(({ clients, peakMB }) => [`peak memory with ${clients} clients`, `${peakMB} MB`] as const),
  ]);
  const [least, most] = [
    Math.min(...memory.map((one) => one.peakMB)),
    Math.max(...memory.map((one) => one.peakMB)),
  ];
  const figures = {
    bench: 'aggregate',
    parameters: PARAMETERS,
    ...speed,
    bar: BAR,
    ok: speed.ratio === null ? null : speed.ratio >= BAR,
    memory,
    memoryGrowth: rounded(most / least),
  };
  console.log(JSON.stringify(figures));
}

await main();
