// Owns training the vibration network: batches, rate, augmentation, and which epoch is kept (the best on validation
// machines). It never writes a file; progress goes to the caller.
import assert from 'node:assert/strict';
import { macroF1 } from '@nanofleet/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { correctedRate } from '../autodiff/optimizer.ts';
import { SeededRandom } from '../seeded-random.ts';
import { type ParameterState, SINGLE_THREAD, TrainingSession } from '../train/training-session.ts';
import { floatGraph, initialParameters, trainingGraph } from './network.ts';
import { LABELS, type LabelledWindow, SENSOR, type TrainingWindow } from './windows.ts';

const BATCH = 64;
const RATE = 3e-3;
const SMOOTHING = 0.05;
const CHANNELS = SENSOR.channels.length;
const WINDOW = CHANNELS * SENSOR.windowSamples;

/** What `trainVibration` tells after each epoch. */
export interface EpochReport {
  readonly epoch: number;
  readonly loss: number;
  readonly validationMacroF1: number;
}

/** Settings of a training run. */
export interface VibrationTraining {
  readonly training: readonly TrainingWindow[];
  readonly validation: readonly LabelledWindow[];
  readonly epochs: number;
  readonly seed: number;
  onEpoch(report: EpochReport): void;
}

/** Trained parameters by name. */
export type VibrationParameters = ReadonlyMap<string, ParameterState>;

/** Trains and resolves to the parameters of the epoch that did best on the validation machines. */
export async function trainVibration(settings: VibrationTraining): Promise<VibrationParameters> {
  const session = await TrainingSession.open(
    trainingGraph(),
    initialParameters(new SeededRandom(settings.seed, 'initial')),
  );
  let best: { score: number; state: VibrationParameters } = { score: -1, state: new Map() };
  for (let epoch = 1; epoch <= settings.epochs; epoch += 1) {
    const loss = await trainEpoch(session, settings, epoch);
    const state = session.state();
    const logits = await floatLogits(state, settings.validation);
    const score = macroF1(
      logits.map(bestOf),
      settings.validation.map((window) => window.label),
      LABELS.length,
    );
    if (score >= best.score) best = { score, state };
    settings.onEpoch({ epoch, loss, validationMacroF1: score });
  }
  await session.release();
  return best.state;
}

async function trainEpoch(
  session: TrainingSession,
  settings: VibrationTraining,
  epoch: number,
): Promise<number> {
  const { training, epochs, seed } = settings;
  const random = new SeededRandom(seed, 'epoch', epoch);
  const order = random.order(training.length);
  const steps = Math.floor(training.length / BATCH);
  let sum = 0;
  for (let step = 0; step < steps; step += 1) {
    const batch = Array.from(order.subarray(step * BATCH, (step + 1) * BATCH), (at) => training[at]);
    const done = (epoch - 1) * steps + step;
    const rate =
      RATE * 0.5 * (1 + Math.cos((Math.PI * done) / (epochs * steps))) * Math.min(1, (done + 1) / 50);
    sum += await session.step({ feeds: feedsOf(batch, random), learningRate: correctedRate(rate, done + 1) });
  }
  return sum / steps;
}

function feedsOf(
  batch: readonly (TrainingWindow | undefined)[],
  random: SeededRandom,
): Record<string, Tensor> {
  const values = new Float32Array(batch.length * WINDOW);
  const targets = new Float32Array(batch.length * LABELS.length).fill(1 / LABELS.length);
  batch.forEach((window, at) => {
    assert(window, 'a batch is full');
    values.set(augmented(window.values, random), at * WINDOW);
    if (window.label !== null) targets.set(smoothed(window.label), at * LABELS.length);
  });
  return {
    window: new Tensor('float32', values, [batch.length, CHANNELS, SENSOR.windowSamples]),
    targets: new Tensor('float32', targets, [batch.length, LABELS.length]),
  };
}

function smoothed(label: number): number[] {
  return LABELS.map((_, at) => SMOOTHING / LABELS.length + (at === label ? 1 - SMOOTHING : 0));
}

// Another mounting of the sensor: channels in any order and direction, played either way in time.
function augmented(values: Float32Array, random: SeededRandom): Float32Array {
  const length = SENSOR.windowSamples;
  const result = new Float32Array(values.length);
  random.order(CHANNELS).forEach((from, to) => {
    const channel = values.subarray(from * length, (from + 1) * length);
    const sign = random.uniform() < 0.5 ? -1 : 1;
    result.set(
      channel.map((value) => sign * value),
      to * length,
    );
  });
  return result;
}

/** Outputs of the float32 network, one row each. */
export async function runFloat(
  parameters: VibrationParameters,
  windows: readonly TrainingWindow[],
  output: string,
): Promise<Float32Array[]> {
  const session = await InferenceSession.create(floatGraph(), SINGLE_THREAD);
  const weights = Object.fromEntries(
    [...parameters].map(([name, { value, shape }]) => [name, new Tensor('float32', value, shape)]),
  );
  const rows: Float32Array[] = [];
  for (let from = 0; from < windows.length; from += BATCH) {
    const batch = windows.slice(from, from + BATCH);
    const values = new Float32Array(batch.length * WINDOW);
    batch.forEach((window, at) => values.set(window.values, at * WINDOW));
    const window = new Tensor('float32', values, [batch.length, CHANNELS, SENSOR.windowSamples]);
    const data = (await session.run({ ...weights, window }, [output]))[output]?.data;
    assert(data instanceof Float32Array, `the graph gives ${output} as float32`);
    const width = data.length / batch.length;
    batch.forEach((_, at) => rows.push(data.slice(at * width, (at + 1) * width)));
  }
  await session.release();
  return rows;
}

const floatLogits = (
  parameters: VibrationParameters,
  windows: readonly TrainingWindow[],
): Promise<Float32Array[]> => runFloat(parameters, windows, 'logits');

const bestOf = (row: Float32Array): number => row.indexOf(Math.max(...row));
