// Behaviour of quantization: error within half a step, exact on its own grid, stable on a parent's grid.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeMax, dequantize, type Grid, quantize, roundHalfEven, scalesOf } from './quantize.ts';

const grid: Grid = { shape: [2, 3], axis: 0, bits: 8 };

describe('roundHalfEven', () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [2.4, 2],
    [-2.6, -3],
  ])('rounds %d to %d', (value, expected) => {
    expect(roundHalfEven(value) + 0).toBe(expected);
  });
});

describe('quantize', () => {
  it('uses the whole range of each row, and one scale per row', () => {
    const { codes, scales } = quantize([1, -2, 0, 0.1, 0.05, 0], grid);
    expect(Array.from(codes)).toEqual([64, -127, 0, 127, 64, 0]);
    expect(scales[0]).toBeCloseTo(2 / 127, 8);
  });

  it('can have its scales along the last axis, or one for all', () => {
    expect(scalesOf([1, 2, 3, 4, 5, 6], { ...grid, axis: 1 })).toEqual(
      Float32Array.of(4 / 127, 5 / 127, 6 / 127),
    );
    expect(scalesOf([1, 2, 3, 4, 5, 6], { ...grid, axis: null })).toEqual(Float32Array.of(6 / 127));
  });

  it('keeps rows of zeros exact', () => {
    expect(Array.from(dequantize(quantize([0, 0, 0, 1, 1, 1], grid), grid).slice(0, 3))).toEqual([0, 0, 0]);
  });

  it('clips what lies beyond a given grid', () => {
    expect(Array.from(quantize([300, -300, 1, 0, 0, 0], grid, Float32Array.of(1, 1)).codes)).toEqual([
      127, -127, 1, 0, 0, 0,
    ]);
  });

  it('is within half a step of any value, and exact when repeated on its own grid', () => {
    const values = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 8 }), (weights, bits) => {
        const given = { ...grid, bits };
        const first = quantize(weights, given);
        const back = dequantize(first, given);
        weights.forEach((value, at) => {
          const scale = first.scales[Math.floor(at / 3)] ?? 0;
          expect(Math.abs(value - (back[at] ?? 0))).toBeLessThanOrEqual(scale * 0.5001);
          expect(Math.abs(first.codes[at] ?? 0)).toBeLessThanOrEqual(codeMax(bits));
        });
        expect(quantize(back, given, first.scales).codes).toEqual(first.codes);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
