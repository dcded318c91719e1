import { describe, expect, it } from 'vitest';
import type { Prototypes } from '../prototypes.ts';
import type { Head } from './head.ts';
import { HeadBatches, type HeadTrainingSettings, NO_LABEL } from './head-batches.ts';

const start: Head = { width: 2, classes: 3, weight: new Float32Array(6), bias: new Float32Array(3) };
const prototypes: Prototypes = {
  counts: Uint32Array.of(5, 5),
  width: 2,
  means: Float32Array.of(1, 0, -1, 0),
};
const examples = { features: Float32Array.of(7, 7, 8, 8, 9, 9), labels: Int32Array.of(2, 0, NO_LABEL) };
const settings: HeadTrainingSettings = {
  steps: 1,
  learningRate: 0.01,
  batch: 3,
  rehearsal: 3,
  rehearsalNoise: 0,
  pull: 0,
  seed: 1,
};
const batchesWith = (change: Partial<HeadTrainingSettings> = {}): HeadBatches =>
  new HeadBatches({ start, prototypes, examples, settings: { ...settings, ...change } });
const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);

describe('HeadBatches', () => {
  it('weighs what is rehearsed against the own examples as asked, and all of them as many as rows', () => {
    const all = { features: examples.features, labels: Int32Array.of(2, 0, 1) };
    const { rows, targets } = new HeadBatches({ start, prototypes, examples: all, settings }).next();
    expect(rows).toBe(3 + 64);
    expect(sum(targets)).toBeCloseTo(rows, 3);
    expect(sum(targets.subarray(0, 9))).toBeCloseTo(rows / 4, 3);
  });

  it('gives examples that are trained on the same weight together, however many others there are', () => {
    const batches = new HeadBatches({ start, prototypes, examples, settings, trainedFrom: 2 });
    const { rows, features, targets } = batches.next();
    const weightOf = (feature: number): number => {
      const row = [0, 1, 2].find((at) => features[at * 2] === feature) ?? -1;
      return sum(targets.subarray(row * 3, row * 3 + 3));
    };
    expect(weightOf(7)).toBeCloseTo(rows / 4, 3);
    for (const held of [8, 9]) expect(weightOf(held)).toBeCloseTo(rows / 12, 3);
  });

  it('rehearses the prototypes of the labels that have one, and no other', () => {
    const { features, targets, rows } = batchesWith().next();
    for (let at = 3; at < rows; at += 1) {
      const target = targets.subarray(at * 3, at * 3 + 3);
      expect(target[2]).toBe(0);
      expect(features[at * 2]).toBe((target[0] ?? 0) > 0 ? 1 : -1);
    }
  });

  it('blurs prototypes evenly, as far as they lie apart', () => {
    const { features } = batchesWith({ rehearsalNoise: 0.5 }).next();
    // Means are 1 and -1 in one feature of two: the spread is the root of a half.
    const reach = Math.sqrt(3) * 0.5 * Math.sqrt(0.5);
    const blurred = Array.from(features.subarray(6)).filter((_, at) => at % 2 === 1);
    expect(Math.max(...blurred)).toBeLessThanOrEqual(reach);
    expect(Math.max(...blurred)).toBeGreaterThan(0.8 * reach);
    expect(Math.min(...blurred)).toBeLessThan(-0.8 * reach);
  });

  it('spreads the target of an example that belongs to no label over all of them', () => {
    const { features, targets } = batchesWith({ rehearsal: 0 }).next();
    const row = [0, 1, 2].find((at) => features[at * 2] === 9) ?? -1;
    const shares = Array.from(targets.subarray(row * 3, row * 3 + 3));
    expect(shares[0]).toBeCloseTo(1 / 3, 5);
    expect(new Set(shares).size).toBe(1);
  });

  it('takes every example once before any comes twice', () => {
    const batches = batchesWith({ batch: 1, rehearsal: 0 });
    const seen = [batches.next(), batches.next(), batches.next()].map(({ features }) => features[0]);
    expect(new Set(seen)).toEqual(new Set([7, 8, 9]));
  });

  it('repeats itself from its seed', () => {
    expect(batchesWith({ rehearsalNoise: 1 }).next()).toEqual(batchesWith({ rehearsalNoise: 1 }).next());
    expect(batchesWith({ rehearsalNoise: 1, seed: 2 }).next()).not.toEqual(
      batchesWith({ rehearsalNoise: 1 }).next(),
    );
  });
});
