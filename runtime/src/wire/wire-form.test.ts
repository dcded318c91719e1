// Behaviour of the wire form: codes of every width survive, halves are the nearest, what is no wire form is refused.
// forge/src/compress/compressed-model.test.ts takes a whole graph there and back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clippedScales, codeMax, dequantize, quantize, scalesOf } from '../quantize.ts';
import { halfBits, halfValue } from './half.ts';
import { packCodes, packedBytes, unpackCodes } from './packed-codes.ts';
import { expandWire } from './wire-form.ts';

describe('packed codes', () => {
  it.each([2, 3, 4, 5, 7, 8])('give back what was packed, %d bits each', (bits) => {
    const codes = fc.array(fc.integer({ min: -codeMax(bits), max: codeMax(bits) }), { maxLength: 50 });
    fc.assert(
      fc.property(codes, (values) => {
        const packed = packCodes(Int8Array.from(values), bits);
        expect(packed).toHaveLength(packedBytes(values.length, bits));
        expect(Array.from(unpackCodes(packed, { count: values.length, bits }))).toEqual(values);
      }),
      { seed: 1, numRuns: 100 },
    );
  });
});

describe('halves', () => {
  it('survive a round trip, every one of them', () => {
    const all = Array.from({ length: 0x7c00 }, (_, bits) => bits);
    expect(all.filter((bits) => halfBits(halfValue(bits)) !== bits)).toEqual([]);
  });

  it.each([
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 ** -24, 1],
    [2 ** -26, 0],
  ])('are the nearest to %d, ties to even', (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });
});

describe('clippedScales', () => {
  it('have no more error than scales that clip nothing, and less where one value stands out', () => {
    const values = [3, 1, -1, 1, 1, -1, 1, 1];
    const grid = { shape: [1, 8], axis: 0, bits: 2 };
    const error = (scales: Float32Array): number =>
      dequantize(quantize(values, grid, scales), grid).reduce(
        (sum, value, at) => sum + (value - (values[at] ?? 0)) ** 2,
        0,
      );
    expect(error(clippedScales(values, grid))).toBeLessThan(error(scalesOf(values, grid)));
  });
});

describe('expandWire', () => {
  it('refuses what does not begin with its mark, or is cut off', () => {
    expect(() => expandWire(new Uint8Array(8), [])).toThrow('does not begin with NFW1');
    expect(() => expandWire(Uint8Array.of(0x4e, 0x46, 0x57, 0x31, 9, 0, 0, 0), [])).toThrow('cut off');
  });
});
