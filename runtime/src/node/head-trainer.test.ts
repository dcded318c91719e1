import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grownHead, type Head, headOf } from '../learning/head.ts';
import {
  HEAD_TRAINING_DEFAULTS,
  HeadBatches,
  type HeadBatchSource,
  type HeadTrainingSettings,
} from '../learning/head-batches.ts';
import { normalOf, seededShares } from '../learning/seeded-shares.ts';
import { decodePrototypes, type Prototypes } from '../prototypes.ts';
import type { TextRunner } from '../runner.ts';
import { type HeadTraining, trainHead } from './head-trainer.ts';
import { loadTextRunner } from './load-runner.ts';
import { inspectBundle } from './verify-bundle.ts';

const bundleFile = (bundle: string, name: string): Uint8Array =>
  readFileSync(new URL(`../../../bundles/${bundle}/${name}`, import.meta.url));
const settings: HeadTrainingSettings = {
  steps: 5,
  learningRate: 0.01,
  batch: 4,
  rehearsal: 2,
  rehearsalNoise: 0.5,
  pull: 0,
  seed: 3,
};
const still = { monotonicMicros: () => 0, breathe: () => Promise.resolve() };

/** Adam in float64 over the same batches, to compare with. */
const reference = (source: HeadBatchSource): { weight: Float64Array; bias: Float64Array } => {
  const { start, settings: asked } = source;
  const batches = new HeadBatches(source);
  const { width, classes } = start;
  const trained = new Set(source.examples.labels);
  const values = Float64Array.from([...start.weight, ...start.bias]);
  const origin = values.slice();
  const [first, second] = [new Float64Array(values.length), new Float64Array(values.length)];
  for (let step = 1; step <= asked.steps; step += 1) {
    const { rows, features, targets } = batches.next();
    const gradient = new Float64Array(values.length);
    for (let row = 0; row < rows; row += 1) {
      const logits = Array.from({ length: classes }, (_, label) => {
        let logit = values[width * classes + label] ?? 0;
        for (let at = 0; at < width; at += 1)
          logit += (features[row * width + at] ?? 0) * (values[at * classes + label] ?? 0);
        return logit;
      });
      const highest = Math.max(...logits);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
      const target = targets.subarray(row * classes, (row + 1) * classes);
      const weight = target.reduce((sum, share) => sum + share, 0);
      logits.forEach((logit, label) => {
        const slope = ((weight * Math.exp(logit - highest)) / total - (target[label] ?? 0)) / rows;
        for (let at = 0; at < width; at += 1)
          gradient[at * classes + label] =
            (gradient[at * classes + label] ?? 0) + slope * (features[row * width + at] ?? 0);
        gradient[width * classes + label] = (gradient[width * classes + label] ?? 0) + slope;
      });
    }
    const rate = (asked.learningRate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    values.forEach((value, at) => {
      if (!trained.has(at % classes)) return;
      const slope = gradient[at] ?? 0;
      first[at] = 0.9 * (first[at] ?? 0) + 0.1 * slope;
      second[at] = 0.999 * (second[at] ?? 0) + 0.001 * slope * slope;
      const moved = value - (rate * (first[at] ?? 0)) / (Math.sqrt(second[at] ?? 0) + 1e-8);
      values[at] = moved - asked.learningRate * asked.pull * (moved - (origin[at] ?? 0));
    });
  }
  return { weight: values.subarray(0, width * classes), bias: values.subarray(width * classes) };
};

const greatestGap = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Math.max(...Array.from(left, (value, at) => Math.abs(value - (right[at] ?? Number.NaN))));

describe('trainHead', () => {
  const share = seededShares(5);
  const normals = (length: number): Float32Array => Float32Array.from({ length }, () => normalOf(share));
  const start: Head = { width: 64, classes: 5, weight: normals(320), bias: normals(5) };
  const prototypes: Prototypes = { counts: new Uint32Array(4).fill(9), width: 64, means: normals(256) };
  const training: HeadTraining = {
    start,
    prototypes,
    examples: { features: normals(64 * 6), labels: Int32Array.of(4, 4, 0, 1, 4, 2) },
    settings,
    trainStep: bundleFile('vibration-1', 'train-step.onnx'),
  };

  it.each([0, 0.5])('computes what Adam in float64 computes, with a pull of %d', async (pull) => {
    const asked = { ...training, settings: { ...settings, pull } };
    const { head } = await trainHead(asked, still);
    const expected = reference(asked);
    expect(greatestGap(head.weight, expected.weight)).toBeLessThan(1e-4);
    expect(greatestGap(head.bias, expected.bias)).toBeLessThan(1e-4);
  });

  it('leaves the columns of labels without examples exactly as they were', async () => {
    const { head } = await trainHead(training, still);
    const columnOf = ({ weight }: Head, label: number) => weight.filter((_, at) => at % 5 === label);
    expect(columnOf(head, 3)).toEqual(columnOf(start, 3));
    expect(head.bias[3]).toBe(start.bias[3]);
    for (const label of [0, 1, 2, 4]) expect(columnOf(head, label)).not.toEqual(columnOf(start, label));
  });

  it('trains no column before the first one that it may, though there are examples of it', async () => {
    const { head } = await trainHead({ ...training, trainedFrom: 2 }, still);
    const columnOf = ({ weight }: Head, label: number) => weight.filter((_, at) => at % 5 === label);
    for (const label of [0, 1, 3]) expect(columnOf(head, label)).toEqual(columnOf(start, label));
    for (const label of [2, 4]) expect(columnOf(head, label)).not.toEqual(columnOf(start, label));
  });

  it('gives the same head for the same seed, bit by bit, however it is cut into slices', async () => {
    let micros = 0;
    let breaths = 0;
    const slow = {
      monotonicMicros: () => (micros += 9_000),
      breathe: () => Promise.resolve(void (breaths += 1)),
    };
    expect((await trainHead(training, slow)).head).toEqual((await trainHead(training, still)).head);
    expect(breaths).toBeGreaterThan(0);
  });

  it('never begins a step that would make a slice longer than its bound', async () => {
    let micros = 0;
    let sliceStart = 0;
    let longest = 0;
    const clock = {
      monotonicMicros: () => {
        micros += 6_000;
        longest = Math.max(longest, micros - sliceStart);
        return micros;
      },
      breathe: () => Promise.resolve(void (sliceStart = micros)),
    };
    await trainHead({ ...training, settings: { ...settings, steps: 40 } }, clock);
    // The looking at the clock costs 6 ms here, too.
    expect(longest).toBeLessThanOrEqual(50_000 + 12_000);
  });

  it('stops between two steps when it is told to, and leaves nothing open', async () => {
    const abort = new AbortController();
    abort.abort(new DOMException('the model was exchanged', 'AbortError'));
    await expect(trainHead(training, { ...still, signal: abort.signal })).rejects.toThrow('exchanged');
  });

  it('refuses a graph that is no train-step, and numbers that are not finite', async () => {
    const foreign = { ...training, trainStep: bundleFile('vibration-1', 'infer.int8.onnx') };
    await expect(trainHead(foreign, still)).rejects.toMatchObject({ code: 'TRAINING_FAILED' });
    const features = training.examples.features.slice().fill(Number.NaN);
    await expect(
      trainHead({ ...training, examples: { ...training.examples, features } }, still),
    ).rejects.toMatchObject({ code: 'TRAINING_FAILED' });
  });
});

describe('a committed bundle', () => {
  const NEW = [
    'feed the fish',
    'give the goldfish their food',
    'the fish are hungry',
    'drop some flakes in the tank',
  ];
  let runner: TextRunner;
  /** Labels before the new one, which gets this number. */
  let known = 0;
  let training: HeadTraining;
  let logitsBefore: (text: string, head: Head) => Promise<Float32Array>;

  beforeAll(async () => {
    const directory = new URL('../../../bundles/household-1', import.meta.url).pathname;
    const bundle = await inspectBundle(directory);
    runner = await loadTextRunner(bundle);
    known = runner.labels.length;
    const start = grownHead(headOf(bundleFile('household-1', 'infer.int8.onnx')), known + 1);
    const features = await Promise.all(NEW.map((text) => runner.penultimate(text)));
    training = {
      start,
      prototypes: decodePrototypes(bundleFile('household-1', 'prototypes.bin')),
      examples: {
        features: Float32Array.from(features.flatMap((row) => [...row])),
        labels: new Int32Array(4).fill(known),
      },
      settings: { ...settings, ...HEAD_TRAINING_DEFAULTS, steps: 200, learningRate: 0.003 },
      trainStep: bundleFile('household-1', 'train-step.onnx'),
    };
    logitsBefore = async (text, head) => {
      const row = await runner.penultimate(text);
      return head.bias.map((bias, label) =>
        row.reduce((sum, value, at) => sum + value * (head.weight[at * head.classes + label] ?? 0), bias),
      );
    };
  });

  afterAll(() => runner.release());

  it('gives features that its own head turns into its logits', async () => {
    const { logits } = await runner.decide('what is my balance');
    const computed = await logitsBefore('what is my balance', training.start);
    // The graph quantizes the features on its way, so the two differ by that.
    expect(greatestGap(logits, computed.subarray(0, known))).toBeLessThan(0.5);
  });

  it('learns a label that it did not have and keeps those that it had', async () => {
    const { head, loss } = await trainHead(training, still);
    expect(loss.last).toBeLessThan(loss.first);
    const labelOf = async (text: string): Promise<number> => {
      const logits = await logitsBefore(text, head);
      return logits.indexOf(Math.max(...logits));
    };
    expect(await labelOf('please feed my fish')).toBe(known);
    for (const text of ['what is my balance', 'set an alarm for six', 'book a flight to boston']) {
      const before = await logitsBefore(text, training.start);
      expect(await labelOf(text)).toBe(before.indexOf(Math.max(...before)));
    }
  });
});
