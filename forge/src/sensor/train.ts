// Owns training a network over windows: batches, rate, augmentation, dropout, and which epoch is kept (the best on validation
// windows if there are any, else the last). It never writes a file; progress goes to the caller.
import assert from 'node:assert/strict';
import { argMax, macroF1 } from '@nanofleet/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { correctedRate } from '../autodiff/optimizer.ts';
import { SeededRandom } from '../seeded-random.ts';
import { SINGLE_THREAD, TrainingSession } from '../train/training-session.ts';
import {
  floatGraph,
  initialParameters,
  MASK,
  penultimateWidth,
  type SensorParameters,
  type SensorShape,
  trainingGraph,
} from './network.ts';

const WARM_UP_STEPS = 50;
const EVALUATION_BATCH = 64;

/** A window to train on; null is none of the labels, to be answered with the same probability for each. */
export interface TrainingWindow {
  /** Channel-major [channels, windowSamples] in the units of the sensor. */
  readonly values: Float32Array;
  readonly label: number | null;
}

/** A window whose label is known. */
export interface LabelledWindow extends TrainingWindow {
  readonly label: number;
}

/** What training tells after each epoch; the score is null without validation windows. */
export interface EpochReport {
  readonly epoch: number;
  readonly loss: number;
  readonly validationMacroF1: number | null;
}

/** Another window that means the same. */
export type Augmentation = (values: Float32Array, random: SeededRandom) => Float32Array;

/** How a network learns. */
export interface SensorTrainingSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  /** Share of the penultimate features that a step leaves out. */
  readonly dropout: number;
  /** Weight of a window by its label's count, to the power of minus this: 0 for none, 1 for labels of equal weight. */
  readonly balance: number;
}

/** One training run. */
export interface SensorTraining extends SensorTrainingSettings {
  readonly shape: SensorShape;
  readonly training: readonly TrainingWindow[];
  readonly validation: readonly LabelledWindow[];
  readonly seed: number;
  readonly augment: Augmentation;
  onEpoch(report: EpochReport): void;
}

/** Trains and resolves to the parameters that are kept. */
export async function trainSensor(settings: SensorTraining): Promise<SensorParameters> {
  const { shape, seed, validation } = settings;
  const session = await TrainingSession.open(
    trainingGraph(shape, settings.weightDecay),
    initialParameters(shape, new SeededRandom(seed, 'initial')),
  );
  let best: { score: number; state: SensorParameters } = { score: -1, state: new Map() };
  for (let epoch = 1; epoch <= settings.epochs; epoch += 1) {
    const loss = await trainEpoch(session, settings, epoch);
    const state = session.state();
    const score = validation.length === 0 ? null : await macroF1Of(state, settings);
    if (score === null || score >= best.score) best = { score: score ?? -1, state };
    settings.onEpoch({ epoch, loss, validationMacroF1: score });
  }
  await session.release();
  return best.state;
}

async function macroF1Of(state: SensorParameters, { shape, validation }: SensorTraining): Promise<number> {
  const logits = await runFloat(state, { shape, windows: validation, output: 'logits' });
  return macroF1(
    logits.map(argMax),
    validation.map((window) => window.label),
    shape.classes,
  );
}

async function trainEpoch(
  session: TrainingSession,
  settings: SensorTraining,
  epoch: number,
): Promise<number> {
  const { training, epochs, seed, batchSize, learningRate } = settings;
  const random = new SeededRandom(seed, 'epoch', epoch);
  const order = random.order(training.length);
  const weights = labelWeights(settings);
  const steps = Math.max(1, Math.floor(training.length / batchSize));
  let sum = 0;
  for (let step = 0; step < steps; step += 1) {
    const chosen = order.subarray(step * batchSize, (step + 1) * batchSize);
    const batch = Array.from(chosen, (at) => training[at] ?? assert.fail('an order numbers windows'));
    const done = (epoch - 1) * steps + step;
    const cosine = 0.5 * (1 + Math.cos((Math.PI * done) / (epochs * steps)));
    const rate = learningRate * cosine * Math.min(1, (done + 1) / WARM_UP_STEPS);
    const feeds = feedsOf(batch, { settings, weights, random });
    sum += await session.step({ feeds, learningRate: correctedRate(rate, done + 1) });
  }
  return sum / steps;
}

/** The weight of each label's windows; 1 on average. */
function labelWeights({ training, shape, balance }: SensorTraining): Float64Array {
  const counts = new Float64Array(shape.classes);
  for (const { label } of training) if (label !== null) counts[label] = (counts[label] ?? 0) + 1;
  const raw = counts.map((count) => Math.max(count, 1) ** -balance);
  const labelled = counts.reduce((sum, count) => sum + count, 0);
  const mean = raw.reduce((sum, weight, at) => sum + weight * (counts[at] ?? 0), 0) / Math.max(labelled, 1);
  return raw.map((weight) => weight / mean);
}

function feedsOf(
  batch: readonly TrainingWindow[],
  options: {
    readonly settings: SensorTraining;
    readonly weights: Float64Array;
    readonly random: SeededRandom;
  },
): Record<string, Tensor> {
  const { settings, weights, random } = options;
  const { classes, channels, windowSamples } = settings.shape;
  const values = new Float32Array(batch.length * channels * windowSamples);
  const targets = new Float32Array(batch.length * classes).fill(1 / classes);
  batch.forEach(({ values: own, label }, at) => {
    values.set(settings.augment(own, random), at * channels * windowSamples);
    if (label === null) return;
    const weight = weights[label] ?? 1;
    targets.fill((weight * settings.labelSmoothing) / classes, at * classes, (at + 1) * classes);
    targets[at * classes + label] = weight * (1 - settings.labelSmoothing * (1 - 1 / classes));
  });
  return {
    window: new Tensor('float32', values, [batch.length, channels, windowSamples]),
    targets: new Tensor('float32', targets, [batch.length, classes]),
    [MASK]: dropoutMask([batch.length, penultimateWidth(settings.shape)], settings.dropout, random),
  };
}

function dropoutMask(shape: readonly [number, number], dropped: number, random: SeededRandom): Tensor {
  const kept = 1 / (1 - dropped);
  const mask = Float32Array.from({ length: shape[0] * shape[1] }, () =>
    dropped > 0 && random.uniform() < dropped ? 0 : kept,
  );
  return new Tensor('float32', mask, shape);
}

/** An output of the float32 network, one row for each window. */
export async function runFloat(
  parameters: SensorParameters,
  {
    shape,
    windows,
    output,
  }: {
    readonly shape: SensorShape;
    readonly windows: readonly TrainingWindow[];
    readonly output: string;
  },
): Promise<Float32Array[]> {
  const size = shape.channels * shape.windowSamples;
  const session = await InferenceSession.create(floatGraph(shape), SINGLE_THREAD);
  const weights = Object.fromEntries(
    [...parameters].map(([name, state]) => [name, new Tensor('float32', state.value, state.shape)]),
  );
  const rows: Float32Array[] = [];
  for (let from = 0; from < windows.length; from += EVALUATION_BATCH) {
    const batch = windows.slice(from, from + EVALUATION_BATCH);
    const values = new Float32Array(batch.length * size);
    batch.forEach((window, at) => values.set(window.values, at * size));
    const window = new Tensor('float32', values, [batch.length, shape.channels, shape.windowSamples]);
    const data = (await session.run({ ...weights, window }, [output]))[output]?.data;
    assert(data instanceof Float32Array, `the graph gives ${output} as float32`);
    const width = data.length / batch.length;
    batch.forEach((_, at) => rows.push(data.slice(at * width, (at + 1) * width)));
  }
  await session.release();
  return rows;
}
