// Behaviour of the metrics on small cases worked out by hand, and their agreement with slow definitions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  argMax,
  auroc,
  expectedCalibrationError,
  fitTemperature,
  fpr95,
  logSumExp,
  macroF1,
  negativeLogLikelihood,
  quantile,
  softmax,
} from './metrics.ts';

describe('softmax and logSumExp', () => {
  it('stay finite for logits that would overflow', () => {
    expect(Array.from(softmax([1000, 1000]))).toEqual([0.5, 0.5]);
    expect(logSumExp([1000, 1000])).toBeCloseTo(1000 + Math.LN2, 9);
  });

  it('sharpen below temperature 1 and flatten above', () => {
    const at = (temperature: number) => softmax([2, 0], temperature)[0] ?? 0;
    expect(at(1)).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
    expect(at(0.5)).toBeGreaterThan(at(1));
    expect(at(4)).toBeLessThan(at(1));
  });
});

describe('accuracy, argMax and macroF1', () => {
  it('count what is right', () => {
    expect(accuracy([0, 1, 2, 2], [0, 1, 2, 1])).toBe(0.75);
    expect(argMax([3, 5, 5])).toBe(1);
  });

  it('weigh classes alike, however rare, and leave out classes that do not occur', () => {
    // Class 0: 3 of 4 found, none false: F1 6/7. Class 1: 1 of 1 found, one false: F1 2/3. Class 2 does not occur.
    expect(macroF1([0, 0, 0, 1, 1], [0, 0, 0, 0, 1], 3)).toBeCloseTo((6 / 7 + 2 / 3) / 2, 12);
  });
});

describe('auroc', () => {
  it('is 1, 0 and 0.5 for perfect, inverted and equal scores', () => {
    expect(auroc({ inScope: [0, 1], outOfScope: [2, 3] })).toBe(1);
    expect(auroc({ inScope: [2, 3], outOfScope: [0, 1] })).toBe(0);
    expect(auroc({ inScope: [1, 1], outOfScope: [1, 1] })).toBe(0.5);
  });

  it('equals the share of ordered pairs for any scores with ties', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(scores, scores, (inScope, outOfScope) => {
        const pairs = inScope.flatMap((low) =>
          outOfScope.map((high) => (high > low ? 1 : high === low ? 0.5 : 0)),
        );
        const share = pairs.reduce<number>((sum, pair) => sum + pair, 0) / pairs.length;
        expect(auroc({ inScope, outOfScope })).toBeCloseTo(share, 12);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('fpr95 and quantile', () => {
  it('accept 95 % of what is in scope and tell how much else slips through', () => {
    const inScope = Array.from({ length: 100 }, (_, at) => at);
    expect(quantile(inScope, 0.95)).toBe(94);
    expect(fpr95({ inScope, outOfScope: [94, 95, 96, 97] })).toBe(0.25);
  });
});

describe('expectedCalibrationError', () => {
  it('is the gap between how sure and how right', () => {
    expect(expectedCalibrationError([0.8, 0.8, 0.8, 0.8, 0.8], [true, true, true, true, false])).toBeCloseTo(
      0,
      12,
    );
    expect(expectedCalibrationError([1, 1], [true, false])).toBeCloseTo(0.5, 12);
  });
});

describe('fitTemperature', () => {
  it('finds the temperature that logits were sharpened by', () => {
    // Three of four rows are right at odds of 3:1, so the honest logit is ln 3; here it was multiplied by 5.
    const logits = Array.from({ length: 4 }, () => [5 * Math.log(3), 0]);
    expect(fitTemperature(logits, [0, 0, 0, 1])).toBeCloseTo(5, 2);
  });

  it('is at least as likely as leaving the logits alone', () => {
    const row = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 3 });
    const rows = fc.array(fc.tuple(row, fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(rows, (examples) => {
        const logits = examples.map(([values]) => values);
        const gold = examples.map(([, label]) => label);
        const fitted = negativeLogLikelihood(logits, gold, fitTemperature(logits, gold));
        expect(fitted).toBeLessThanOrEqual(negativeLogLikelihood(logits, gold, 1) + 1e-6);
      }),
      { seed: 2, numRuns: 100 },
    );
  });
});
