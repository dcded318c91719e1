// Owns measuring compressed models side by side: answers on validation texts, time of one run with the models taking
// turns, memory of a fresh process that loads one. It never changes a model.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { accuracy, auroc, decided, fpr95, logSumExp } from '@nanofleet/runtime';
import { type TextOutput, withInference } from '../text/inference-session.ts';
import type { RecipeTexts } from '../text/recipe-texts.ts';
import type { ModelFiles } from './compressed-model.ts';

/** What was measured of one model. Shares are 0..1. */
export interface Measured {
  readonly accuracy: number;
  /** Of the energy of the logits against out-of-scope texts; null without such texts. */
  readonly auroc: number | null;
  readonly fpr95: number | null;
  /** Of the int8 graph that runs, of the wire form, and of the wire form deflated (which is what pruning makes smaller). */
  readonly graphBytes: number;
  readonly wireBytes: number;
  readonly deflatedBytes: number;
  /** Median of features and graph for one text. */
  readonly microseconds: number;
  /** How much a fresh process grew by loading and running the graph; the least of three. */
  readonly rssBytes: number;
}

/** Answers and sizes, which no other model moves. */
export async function measureAnswers(
  { graph, wire }: ModelFiles,
  texts: Pick<RecipeTexts, 'validation' | 'outOfScopeReport'>,
): Promise<Omit<Measured, 'microseconds' | 'rssBytes'>> {
  return await withInference(graph, async (compute) => {
    const logits = await logitsOf(compute, texts.validation.texts);
    const outside = await logitsOf(compute, texts.outOfScopeReport);
    const energies = { inScope: logits.map(energy), outOfScope: outside.map(energy) };
    return {
      accuracy: accuracy(decided(logits), texts.validation.labels),
      auroc: outside.length === 0 ? null : auroc(energies),
      fpr95: outside.length === 0 ? null : fpr95(energies),
      graphBytes: graph.bytes.length,
      wireBytes: wire.length,
      deflatedBytes: deflateRawSync(wire, { level: 9 }).length,
    };
  });
}

const energy = (logits: Float32Array): number => -logSumExp(logits);

type Compute = (text: string) => Promise<TextOutput>;

async function logitsOf(compute: Compute, texts: readonly string[]): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const text of texts) all.push((await compute(text)).logits);
  return all;
}

/** Median microseconds of each model; on every text the models take turns, so that a busy machine is busy for all. */
export async function measureTimes(
  models: readonly ModelFiles[],
  { texts, nowMs }: { readonly texts: readonly string[]; readonly nowMs: () => number },
): Promise<number[]> {
  const took = models.map(() => new Float64Array(texts.length));
  const turns = async (computes: readonly Compute[]): Promise<void> => {
    for (const [at, text] of texts.entries())
      for (const offset of computes.keys()) {
        // Another model begins each time: the first to see a text pays for its cold features (a tenth more, measured).
        const model = (at + offset) % computes.length;
        const start = nowMs();
        await computes[model]?.(text);
        (took[model] as Float64Array)[at] = (nowMs() - start) * 1000;
      }
  };
  const opened = async (computes: readonly Compute[]): Promise<void> => {
    const next = models[computes.length];
    if (next === undefined) return await turns(computes);
    await withInference(next.graph, async (compute) => await opened([...computes, compute]));
  };
  await opened([]);
  return took.map((times) => Math.round((times.toSorted()[Math.floor(times.length / 2)] ?? 0) * 10) / 10);
}

const PROBE = `
const [runtime, path] = process.argv.slice(1);
const { InferenceSession, Tensor } = require(runtime);
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, enableCpuMemArena: false, enableMemPattern: false };
(async () => {
  const before = process.memoryUsage().rss;
  const session = await InferenceSession.create(path, options);
  await session.run({ rows: new Tensor('int32', new Int32Array(90), [90]) });
  console.log(process.memoryUsage().rss - before);
})();`;
const PROBES = 3;
const PROBE_TIMEOUT_MS = 60_000;

/** How much a process grows by loading the graph and running it once, bytes. */
export async function measureMemory({ graph }: ModelFiles): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'forge-'));
  const path = join(directory, 'graph.onnx');
  await writeFile(path, graph.bytes);
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-node');
  const grown: number[] = [];
  for (let probe = 0; probe < PROBES; probe += 1) {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', PROBE, runtime, path], {
      timeout: PROBE_TIMEOUT_MS,
    });
    grown.push(Number(stdout));
  }
  await rm(directory, { recursive: true });
  return Math.min(...grown);
}
