// Behaviour of NAB's scoring rule: its ends, its sigmoid by hand, what counts twice and what does not, the best threshold.
import { describe, expect, it } from 'vitest';
import {
  bestNabThreshold,
  NAB_PROFILES,
  type NabJudged,
  type NabLabels,
  nabProbation,
  nabScore,
  nabWeights,
} from './nab-score.ts';

const [standard, lowFalsePositives, lowFalseNegatives] = NAB_PROFILES;

/** 1,000 samples (probation 150) with a window of ten samples and one of twenty. */
const LABELS: NabLabels = {
  samples: 1000,
  windows: [
    { first: 400, last: 409 },
    { first: 700, last: 719 },
  ],
};

const judged = (alarms: Readonly<Record<number, number>>, labels = LABELS): NabJudged => ({
  weights: nabWeights(labels),
  scores: Float64Array.from({ length: labels.samples }, (_, at) => alarms[at] ?? 0),
});
const gained = (alarms: readonly number[], profile = standard): number =>
  nabScore([judged(Object.fromEntries(alarms.map((at) => [at, 1])))], { profile, threshold: 1 }).gained;

describe('the score', () => {
  it.each(NAB_PROFILES)(
    'is 0 without an alarm and 100 for the first sample of each window: $name',
    (profile) => {
      expect(nabScore([judged({})], { profile, threshold: 0.5 }).score).toBe(0);
      const perfect = nabScore([judged({ 400: 1, 700: 1 })], { profile, threshold: 0.5 });
      expect(perfect).toMatchObject({ score: 100, windows: 2, hits: 2, falseAlarms: 0 });
    },
  );

  it('is lower for a later alarm in a window, by the sigmoid', () => {
    const values = Array.from({ length: 10 }, (_, at) => gained([400 + at]));
    expect(values).toEqual(values.toSorted((left, right) => right - left));
    // 1 for the window that is not missed; the alarm itself at position -5/10, and at -1/10, by the one at -1
    expect(values[5]).toBeCloseTo(1 + Math.tanh(1.25) / Math.tanh(2.5), 12);
    expect(values[9]).toBeCloseTo(1 + Math.tanh(0.25) / Math.tanh(2.5), 12);
  });

  it('takes only the earliest alarm of a window', () => {
    expect(gained([403, 404, 409])).toBe(gained([403]));
    expect(gained([409, 403])).toBe(gained([403]));
  });

  it('has windows whose worths add up as worked out by hand', () => {
    const { window, worth } = nabWeights({ samples: 20, windows: [{ first: 10, last: 13 }] });
    const within = Array.from(worth).filter((_, at) => window[at] === 0);
    const expected = [1, 0.75, 0.5, 0.25].map((position) => Math.tanh(2.5 * position) / Math.tanh(2.5));
    expect(within.reduce((sum, value) => sum + value, 0)).toBeCloseTo(
      expected.reduce((sum, value) => sum + value, 0),
      12,
    );
  });

  it('takes all of the weight for an alarm before any window, and less right after one', () => {
    expect(gained([300])).toBeCloseTo(-0.11, 12);
    // one sample after a window of ten: a ninth of its width
    expect(gained([410])).toBeCloseTo(-0.11 * Math.tanh(2.5 / 9), 12);
    expect(gained([409 + 27])).toBeCloseTo(-0.11, 12);
    expect(gained([300, 301, 302])).toBeCloseTo(-0.33, 12);
  });

  it('weighs errors by profile', () => {
    expect(gained([300], lowFalsePositives)).toBeCloseTo(-0.22, 12);
    expect(gained([400], lowFalseNegatives)).toBeCloseTo(3, 12);
  });

  it('does not see the probation: 15 %, at most 750 samples', () => {
    expect(gained([0, 100, 149])).toBe(0);
    expect(gained([150])).toBeLessThan(0);
    expect([1127, 5000, 22_695].map(nabProbation)).toEqual([169, 750, 750]);
  });

  it('is not a number where no series has a window', () => {
    const only = judged({ 500: 1 }, { samples: 1000, windows: [] });
    expect(nabScore([only], { profile: standard, threshold: 1 })).toMatchObject({
      score: Number.NaN,
      gained: -0.11,
      falseAlarms: 1,
    });
  });

  it('refuses windows that overlap or lie outside', () => {
    const windows = [
      { first: 10, last: 20 },
      { first: 20, last: 30 },
    ];
    expect(() => nabWeights({ samples: 100, windows })).toThrow('windows in order');
    expect(() => nabWeights({ samples: 25, windows: [{ first: 20, last: 25 }] })).toThrow('windows in order');
  });
});

describe('the best threshold', () => {
  it('is one for all series: a false alarm of one is weighed against a hit of another', () => {
    const all = [judged({ 400: 0.9, 300: 0.5 }), judged({ 700: 0.4, 300: 0.2 })];
    expect(bestNabThreshold(all, standard)).toBe(0.4);
    const { score, hits, falseAlarms } = nabScore(all, { profile: standard, threshold: 0.4 });
    expect({ hits, falseAlarms }).toEqual({ hits: 2, falseAlarms: 1 });
    expect(score).toBeCloseTo((100 * (2 + 2 - 0.11)) / 8, 12);
  });

  it('takes equal scores together', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [200 + at, 0.5]));
    expect(bestNabThreshold([judged({ ...many, 400: 0.5 })], standard)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is unreachable where alarms only cost', () => {
    expect(bestNabThreshold([judged({ 300: 1 })], standard)).toBe(Number.POSITIVE_INFINITY);
  });
});
