/**
 * Owns training a head on ONNX Runtime with the `train-step` graph of a bundle: inference operators only, so the stock runtime does it
 * (Adam inside the graph). Works in slices, because a step holds up its thread. Never sees a text and never decides what is sent.
 */
import { NanofleetError } from '@nanofleet/protocol';
import type { Tensor as EngineTensor, InferenceSession } from 'onnxruntime-node';
import type { Head } from '../learning/head.ts';
import { HeadBatches, type HeadBatchSource, trainedLabels } from '../learning/head-batches.ts';
import { type Engine, loadEngine, Tensor } from './engine.ts';
import { openSession, runInto } from './session.ts';

/** Longest time that training holds up its thread without a break, milliseconds. */
export const TRAINING_SLICE_MS = 50;

const BETA1 = 0.9;
const BETA2 = 0.999;
const PARAMETERS = ['head.weight', 'head.bias'] as const;

/** A head to be trained: what batches are made from, and the graph of one step. */
export interface HeadTraining extends HeadBatchSource {
  /** Bytes of the bundle's `train-step`. */
  readonly trainStep: Uint8Array;
}

/** A trained head. */
export interface TrainedHead {
  readonly head: Head;
  /** Mean loss of the first and of the last tenth of the steps. */
  readonly loss: { readonly first: number; readonly last: number };
  readonly steps: number;
}

/** How training yields. */
export interface SliceOptions {
  /** Microseconds of a clock that never goes back. */
  readonly monotonicMicros: () => number;
  /** Resolves after the thread has done something else. */
  readonly breathe: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly sliceMs?: number;
  /** What runs the graph; the one of this process when left out. */
  readonly engine?: Engine;
}

/** Value and moments of the parameters; two sets take turns, because one buffer as input and output gives garbage silently. */
type Half = ReadonlyMap<string, EngineTensor>;

/**
 * Trains a head; holds up its thread for at most a slice at a time.
 * @throws NanofleetError `TRAINING_FAILED` when the graph fails or a loss is not finite; the signal's reason when it is aborted
 */
export async function trainHead(training: HeadTraining, options: SliceOptions): Promise<TrainedHead> {
  const engine = options.engine ?? loadEngine();
  const session = await openSession(training.trainStep, 'train-step', engine);
  try {
    return await new Trainer({ session, engine }, training).run(options);
  } finally {
    await session.release();
  }
}

class Trainer {
  readonly #session: InferenceSession;
  readonly #engine: Engine;
  readonly #training: HeadTraining;
  readonly #batches: HeadBatches;
  readonly #halves: readonly [Half, Half];
  readonly #losses: number[] = [];
  readonly #trained: readonly number[];

  constructor(on: { session: InferenceSession; engine: Engine }, training: HeadTraining) {
    this.#session = on.session;
    this.#engine = on.engine;
    this.#training = training;
    this.#batches = new HeadBatches(training);
    this.#trained = trainedLabels(training);
    this.#halves = [freshHalf(training.start), freshHalf(training.start)];
  }

  async run({
    monotonicMicros,
    breathe,
    signal,
    sliceMs = TRAINING_SLICE_MS,
  }: SliceOptions): Promise<TrainedHead> {
    const { steps } = this.#training.settings;
    let longestMicros = 0;
    let sliceStart = monotonicMicros();
    for (let step = 1; step <= steps; step += 1) {
      const before = monotonicMicros();
      // A step as long as the longest so far must still fit.
      if (before - sliceStart + longestMicros > sliceMs * 1_000) {
        await breathe();
        sliceStart = monotonicMicros();
      }
      signal?.throwIfAborted();
      await this.#step(step);
      longestMicros = Math.max(longestMicros, monotonicMicros() - before);
    }
    return { head: this.#head(steps), loss: this.#loss(), steps };
  }

  async #step(step: number): Promise<void> {
    const { start, settings } = this.#training;
    const { rows, features, targets } = this.#batches.next();
    const [now, next] = step % 2 === 1 ? this.#halves : [this.#halves[1], this.#halves[0]];
    const loss = new Tensor('float32', new Float32Array(1), []);
    const feeds: Record<string, EngineTensor> = {
      ...Object.fromEntries(now),
      penultimate: new Tensor('float32', features, [rows, start.width]),
      targets: new Tensor('float32', targets, [rows, start.classes]),
      learningRate: new Tensor('float32', Float32Array.of(correctedRate(settings.learningRate, step)), []),
    };
    const into: Record<string, EngineTensor> = { loss };
    for (const [name, tensor] of next) into[`${name}:next`] = tensor;
    try {
      await runInto(this.#session, { engine: this.#engine, feeds, into });
    } catch (cause) {
      throw failed('ONNX Runtime refused a step', cause);
    }
    if (!Number.isFinite(loss.data[0])) throw failed(`the loss of step ${step} is ${String(loss.data[0])}`);
    this.#losses.push(Number(loss.data[0]));
    this.#hold(next, settings.learningRate * settings.pull);
  }

  /**
   * Puts the columns that are not trained back to the start, and pulls the others there by a share. The pull stands beside the gradient,
   * as decoupled weight decay does: Adam would divide it by the size of the gradient.
   */
  #hold(half: Half, share: number): void {
    const { weight, bias, classes } = this.#training.start;
    holdColumns(floatsOf(half, 'head.weight'), { origin: weight, classes, trained: this.#trained, share });
    holdColumns(floatsOf(half, 'head.bias'), { origin: bias, classes, trained: this.#trained, share });
  }

  #head(steps: number): Head {
    const { width, classes } = this.#training.start;
    const half = this.#halves[steps % 2 === 1 ? 1 : 0];
    return {
      width,
      classes,
      weight: floatsOf(half, 'head.weight').slice(),
      bias: floatsOf(half, 'head.bias').slice(),
    };
  }

  #loss(): TrainedHead['loss'] {
    const tenth = Math.max(1, Math.floor(this.#losses.length / 10));
    const mean = (losses: readonly number[]): number =>
      losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, losses.length);
    return { first: mean(this.#losses.slice(0, tenth)), last: mean(this.#losses.slice(-tenth)) };
  }
}

/** Adam's rate with the correction of its moments' bias folded in (Kingma and Ba 2015, end of section 2). */
const correctedRate = (rate: number, step: number): number =>
  (rate * Math.sqrt(1 - BETA2 ** step)) / (1 - BETA1 ** step);

function holdColumns(
  values: Float32Array,
  {
    origin,
    classes,
    trained,
    share,
  }: { origin: Float32Array; classes: number; trained: readonly number[]; share: number },
): void {
  const rows = values.length / classes;
  const kept = new Float32Array(rows * trained.length);
  for (let row = 0; row < rows; row += 1)
    trained.forEach((label, at) => (kept[row * trained.length + at] = values[row * classes + label] ?? 0));
  values.set(origin);
  for (let row = 0; row < rows; row += 1)
    trained.forEach((label, at) => {
      const value = kept[row * trained.length + at] ?? 0;
      values[row * classes + label] = value - share * (value - (origin[row * classes + label] ?? 0));
    });
}

function freshHalf({ width, classes, weight, bias }: Head): Half {
  const shapes = { 'head.weight': [width, classes], 'head.bias': [classes] };
  const values = { 'head.weight': weight, 'head.bias': bias };
  return new Map(
    PARAMETERS.flatMap((name) => [
      [name, new Tensor('float32', values[name].slice(), shapes[name])] as const,
      [`${name}:m`, new Tensor('float32', new Float32Array(values[name].length), shapes[name])] as const,
      [`${name}:v`, new Tensor('float32', new Float32Array(values[name].length), shapes[name])] as const,
    ]),
  );
}

function floatsOf(half: Half, name: string): Float32Array {
  const values = half.get(name)?.data;
  if (values instanceof Float32Array) return values;
  throw failed(`${name} is not float32`);
}

const failed = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('TRAINING_FAILED', `The head was not trained: ${why}.`, { cause });
