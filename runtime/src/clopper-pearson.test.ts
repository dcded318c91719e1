// Behaviour of exact bounds: closed forms, symmetry, and that the binomial really stays below them as often as stated.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clopperPearsonUpper,
  examplesNeeded,
  inverseRegularizedBeta,
  regularizedBeta,
} from './clopper-pearson.ts';

const shape = fc.record({
  a: fc.double({ min: 0.5, max: 400, noNaN: true }),
  b: fc.double({ min: 0.5, max: 400, noNaN: true }),
});

describe('regularizedBeta', () => {
  it('agrees with its closed forms', () => {
    expect(regularizedBeta(0.3, { a: 1, b: 7 })).toBeCloseTo(1 - 0.7 ** 7, 13);
    expect(regularizedBeta(0.3, { a: 7, b: 1 })).toBeCloseTo(0.3 ** 7, 13);
    expect(regularizedBeta(0.25, { a: 0.5, b: 0.5 })).toBeCloseTo((2 / Math.PI) * Math.asin(0.5), 13);
  });

  it('is one minus its mirror image, and its inverse finds the way back', () => {
    fc.assert(
      fc.property(shape, fc.double({ min: 0.001, max: 0.999, noNaN: true }), ({ a, b }, x) => {
        expect(regularizedBeta(x, { a, b }) + regularizedBeta(1 - x, { a: b, b: a })).toBeCloseTo(1, 10);
        expect(regularizedBeta(inverseRegularizedBeta(x, { a, b }), { a, b })).toBeCloseTo(x, 8);
      }),
      { seed: 4, numRuns: 200 },
    );
  });
});

describe('clopperPearsonUpper', () => {
  // Newcombe 1998, table I, method 5 (two-sided 95 %: 2.5 % above).
  it.each([
    [81, 263, 0.3676],
    [15, 148, 0.1617],
    [0, 20, 0.1684],
    [1, 29, 0.1776],
  ])('agrees with the published bound of %i of %i', (hits, count, upper) => {
    expect(clopperPearsonUpper(hits, { count, delta: 0.025 })).toBeCloseTo(upper, 4);
  });

  it('leaves a tail of exactly delta', () => {
    const [hits, count, delta] = [4, 60, 0.05];
    const upper = clopperPearsonUpper(hits, { count, delta });
    let chance = (1 - upper) ** count;
    let tail = chance;
    for (let seen = 1; seen <= hits; seen += 1) {
      chance *= ((count - seen + 1) / seen) * (upper / (1 - upper));
      tail += chance;
    }
    expect(tail).toBeCloseTo(delta, 10);
  });

  it('bounds nothing without examples', () => {
    expect(clopperPearsonUpper(0, { count: 0, delta: 0.05 })).toBe(1);
  });
});

describe('examplesNeeded', () => {
  it('tells how many spotless examples a bound takes, and that none do at the bound itself', () => {
    expect(examplesNeeded({ rate: 0, bound: 0.02, delta: 0.05 })).toBe(
      Math.ceil(Math.log(0.05) / Math.log(0.98)),
    );
    expect(examplesNeeded({ rate: 0.02, bound: 0.02, delta: 0.05 })).toBeNull();
  });
});
