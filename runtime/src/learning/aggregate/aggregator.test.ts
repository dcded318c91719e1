// Behaviour of the average of updates: the SIMD kernel against plain loops and against float64, clipping, refusals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Aggregator } from './aggregator.ts';
import { scalarKernel } from './scalar-kernel.ts';

const codesOf = (length: number) =>
  fc.int8Array({ min: -127, max: 127, minLength: length, maxLength: length });
const scale = fc.float({ min: Math.fround(1e-6), max: 10, noNaN: true });
/** Sizes around the kernel's step, none included, and updates of them. */
const given = fc.array(fc.integer({ min: 0, max: 70 }), { minLength: 1, maxLength: 4 }).chain((elements) =>
  fc.record({
    elements: fc.constant(elements),
    clipNorm: fc.double({ min: 0.1, max: 1e4, noNaN: true }),
    updates: fc.array(
      fc.record({
        weight: fc.integer({ min: 1, max: 500 }),
        tensors: fc.tuple(...elements.map((count) => fc.record({ scale, codes: codesOf(count) }))),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  }),
);

const normOf = (tensors: readonly { scale: number; codes: Int8Array }[]): number =>
  Math.sqrt(
    tensors.reduce((sum, one) => sum + one.codes.reduce((all, code) => all + (code * one.scale) ** 2, 0), 0),
  );

describe('the average', () => {
  it('is the same by SIMD as by plain loops, to the last bit', () => {
    fc.assert(
      fc.property(given, ({ clipNorm, elements, updates }) => {
        const fast = new Aggregator({ elements, clipNorm });
        const slow = new Aggregator({ elements, clipNorm, kernel: scalarKernel });
        for (const { tensors, weight } of updates) {
          expect(fast.add(tensors, weight)).toEqual(slow.add(tensors, weight));
        }
        expect(fast.average()).toEqual(slow.average());
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('is the weighted mean of the clipped updates', () => {
    fc.assert(
      fc.property(given, ({ clipNorm, elements, updates }) => {
        const aggregator = new Aggregator({ elements, clipNorm });
        const sums = elements.map((count) => new Float64Array(count));
        let total = 0;
        for (const { tensors, weight } of updates) {
          const { isClipped, norm } = aggregator.add(tensors, weight);
          expect(norm).toBeCloseTo(normOf(tensors), 6);
          expect(isClipped).toBe(norm > clipNorm);
          const shortened = Math.min(1, clipNorm / norm);
          total += weight;
          tensors.forEach((tensor, index) => {
            const sum = sums[index] ?? new Float64Array();
            tensor.codes.forEach((code, at) => {
              sum[at] = (sum[at] ?? 0) + weight * tensor.scale * code * (norm === 0 ? 1 : shortened);
            });
          });
        }
        const { norm, tensors, weight } = aggregator.average();
        expect(weight).toBe(total);
        expect(norm).toBeLessThanOrEqual(clipNorm * 1.001 + 1e-6);
        tensors.forEach((mean, index) => {
          mean.forEach((value, at) => {
            const exact = (sums[index]?.[at] ?? 0) / total;
            expect(Math.abs(value - exact)).toBeLessThanOrEqual(1e-4 + 1e-4 * Math.abs(exact));
          });
        });
      }),
      { seed: 8, numRuns: 200 },
    );
  });

  it('counts squares beyond what one lane holds', () => {
    const codes = new Int8Array(1_000_003).fill(127);
    const aggregator = new Aggregator({ elements: [codes.length], clipNorm: 1e9 });
    expect(aggregator.add([{ scale: 1, codes }], 1).norm).toBeCloseTo(127 * Math.sqrt(codes.length), 6);
  });
});

describe('an update that cannot be used', () => {
  const whole = { scale: 1, codes: Int8Array.of(1, 2, 3) };
  const aggregator = () => new Aggregator({ elements: [3], clipNorm: 100 });

  it.each([
    ['of another size', [{ scale: 1, codes: Int8Array.of(1, 2) }], 'UPDATE_SHAPE_WRONG'],
    ['with a tensor too many', [whole, whole], 'UPDATE_SHAPE_WRONG'],
    ['with a scale that is no number', [{ ...whole, scale: Number.NaN }], 'UPDATE_NOT_FINITE'],
    ['with an endless scale', [{ ...whole, scale: Number.POSITIVE_INFINITY }], 'UPDATE_NOT_FINITE'],
    ['with the code -128', [{ scale: 1, codes: Int8Array.of(1, -128, 3) }], 'UPDATE_MALFORMED'],
  ])('%s is refused and changes nothing', (_title, tensors, code) => {
    const sum = aggregator();
    sum.add([whole], 2);
    const before = sum.average();
    expect(() => sum.add(tensors, 1)).toThrow(expect.objectContaining({ code }));
    expect(sum.average()).toEqual(before);
    sum.add([whole], 1);
    expect(Array.from(sum.average().tensors[0] ?? [])).toEqual([1, 2, 3]);
  });
});
