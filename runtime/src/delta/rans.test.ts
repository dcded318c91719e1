// Behaviour of the entropy coder: bytes come back, at the cost that it foretold, near their entropy.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codedBytes, countsOf, ransDecode, ransEncode } from './rans.ts';

const decoded = (coded: Uint8Array, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  ransDecode(coded, bytes);
  return bytes;
};

describe('the entropy coder', () => {
  it('gives back any bytes and takes what it foretold', () => {
    const skewed = fc.array(
      fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 255 })),
      {
        minLength: 1,
        maxLength: 3_000,
      },
    );
    fc.assert(
      fc.property(skewed, (values) => {
        const bytes = Uint8Array.from(values);
        const coded = ransEncode(bytes);
        expect(decoded(coded, bytes.length)).toEqual(bytes);
        expect(Math.abs(coded.length - codedBytes(countsOf(bytes)))).toBeLessThanOrEqual(
          4 + bytes.length / 1_000,
        );
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('codes one value alone in the bytes of its table', () => {
    expect(ransEncode(new Uint8Array(100_000)).length).toBe(8);
    expect(decoded(ransEncode(new Uint8Array(100_000).fill(9)), 100_000)).toEqual(
      new Uint8Array(100_000).fill(9),
    );
  });

  it.each([
    ['table of shares is cut off', Uint8Array.of(3, 0, 0, 16)],
    ['table of shares is out of order', Uint8Array.of(1, 5, 0, 32, 5, 0, 32, 0, 0, 128, 0)],
    ['table of shares is out of order', Uint8Array.of(1, 5, 0, 0, 6, 0, 64, 0, 0, 128, 0)],
    ['sums up to 16383 of 16384', Uint8Array.of(0, 5, 255, 63, 0, 0, 128, 0)],
    ['coded part is cut off', Uint8Array.of(0, 5, 0, 64, 0, 0, 128)],
    ['does not end where it should', Uint8Array.of(0, 5, 0, 64, 1, 0, 128, 0)],
  ])('says what is wrong: %s', (why, coded) => {
    expect(() => decoded(coded, 10)).toThrow(why);
  });
});
