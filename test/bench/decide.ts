// How long one decision takes: in process against the bare onnxruntime run of the same graph, and over the agent's
// socket; and how long it takes to explain one. Both in-process series are interleaved text by text, so that noise of the machine hits both alike.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TextFeatures } from '@nanofleet/runtime';
import {
  inspectBundle,
  loadTextRunner,
  openSession,
  textFeeds,
  textManifestOf,
} from '@nanofleet/runtime/node';
import { Tensor } from 'onnxruntime-node';
import { printTable, quantilesOf, rounded } from './parts/figures.ts';
import { prepareAgent, ROOT, startLoneAgent } from './parts/lone-agent.ts';

const WARM_UP = 2_000;
/** Words of a text whose explanation is timed: a typical utterance. */
const EXPLAINED_WORDS = 10;

interface Spoken {
  readonly text: string;
}

async function textsOf(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as Spoken).text);
}

async function inProcess(bundleDirectory: string, texts: readonly string[], rounds: number) {
  const bundle = await inspectBundle(bundleDirectory);
  const runner = await loadTextRunner(bundle);
  const graph = bundle.files.get('infer.int8') ?? new Uint8Array();
  const session = await openSession(graph, 'bare');
  const features = new TextFeatures(textManifestOf(bundle).text);
  const outputs = session.outputNames.filter((name) => name !== 'penultimate');
  const prepared = texts.map((text) => {
    const { feeds } = textFeeds(features, { text, inputs: session.inputNames });
    // The features reuse their buffer for the next text.
    return Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, dims }]) => [
        name,
        new Tensor(type, data.slice(), dims),
      ]),
    );
  });
  const whole: number[] = [];
  const bare: number[] = [];
  for (let turn = -WARM_UP; turn < rounds; turn += 1) {
    const at = (turn + WARM_UP) % texts.length;
    const begun = process.hrtime.bigint();
    await runner.decide(texts[at] ?? '');
    const between = process.hrtime.bigint();
    await session.run(prepared[at] ?? {}, outputs);
    const ended = process.hrtime.bigint();
    if (turn < 0) continue;
    whole.push(Number(between - begun) / 1_000);
    bare.push(Number(ended - between) / 1_000);
  }
  await session.release();
  await runner.release();
  return { whole: quantilesOf(whole), bare: quantilesOf(bare) };
}

/** What an explanation adds to a decision: texts of ten words, which the script's utterances joined give. */
async function explaining(bundleDirectory: string, texts: readonly string[], rounds: number) {
  const runner = await loadTextRunner(await inspectBundle(bundleDirectory));
  const words = texts.join(' ').split(/\s+/);
  const taken: number[] = [];
  for (let turn = -WARM_UP / 10; turn < rounds; turn += 1) {
    const from = ((turn + WARM_UP) * EXPLAINED_WORDS) % (words.length - EXPLAINED_WORDS);
    const text = words.slice(from, from + EXPLAINED_WORDS).join(' ');
    const decided = await runner.decide(text);
    const begun = process.hrtime.bigint();
    await runner.explain(text, decided);
    if (turn >= 0) taken.push(Number(process.hrtime.bigint() - begun) / 1_000);
  }
  await runner.release();
  return quantilesOf(taken);
}

/** The same texts over the socket of a real agent: each answer is recorded on disk before it is given. */
async function overSocket(texts: readonly string[], rounds: number) {
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-decide-'));
  await prepareAgent(directory);
  const agent = await startLoneAgent(directory);
  const trip: number[] = [];
  for (let turn = -WARM_UP; turn < rounds; turn += 1) {
    const begun = process.hrtime.bigint();
    await agent.decide(texts[(turn + WARM_UP) % texts.length] ?? '');
    if (turn >= 0) trip.push(Number(process.hrtime.bigint() - begun) / 1_000);
  }
  await agent.end();
  await rm(directory, { recursive: true, force: true });
  return quantilesOf(trip);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '20000' },
      bundle: { type: 'string', default: 'household-1' },
    },
  });
  const texts = await textsOf(join(ROOT, 'start', 'story', 'utterances.jsonl'));
  const bundle = join(ROOT, 'bundles', values.bundle);
  const { whole, bare } = await inProcess(bundle, texts, Number(values.rounds));
  const explained = await explaining(bundle, texts, Number(values.rounds) / 10);
  const socket = await overSocket(texts, Number(values.rounds));
  const row = (name: string, { p50, p95, p99 }: { p50: number; p95: number; p99: number }) =>
    [name, rounded(p50), rounded(p95), rounded(p99)] as const;
  printTable([
    ['µs', 'p50', 'p95', 'p99'],
    row('bare onnxruntime run', bare),
    row('text to decision, in process', whole),
    row('text to decision, over the socket', socket),
    row(`explanation of ${EXPLAINED_WORDS} words, in process`, explained),
  ]);
  const figures = {
    bench: 'decide',
    bundle: values.bundle,
    rounds: Number(values.rounds),
    bareMicros: bare,
    inProcessMicros: whole,
    socketMicros: socket,
    explainMicros: explained,
    ratioP50: rounded(whole.p50 / bare.p50),
    ratioP99: rounded(whole.p99 / bare.p99),
  };
  console.log(JSON.stringify(figures));
}

await main();
