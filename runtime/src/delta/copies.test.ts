// Behaviour of copies: the target comes back from any base, what moved or was put in between costs little, and nonsense is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededDraws } from '../testing/seeded-draws.ts';
import { decodeCopies, encodeCopies } from './copies.ts';
import { DeltaReader, words } from './delta-reader.ts';

const decoded = (coded: Uint8Array, base: Uint8Array, bytes: number): Uint8Array =>
  decodeCopies(new DeltaReader(coded), base, bytes);

const noise = (bytes: number, seed: number): Uint8Array => {
  const draws = new SeededDraws(seed);
  return Uint8Array.from({ length: bytes }, () => draws.below(256));
};

describe('copies', () => {
  it('give the target back from any base', () => {
    const piece = fc.uint8Array({ maxLength: 40 });
    const file = fc.array(piece, { maxLength: 6 });
    fc.assert(
      fc.property(file, file, fc.array(fc.nat(11), { maxLength: 12 }), (own, shared, order) => {
        const base = Uint8Array.from([...own, ...shared].flatMap((bytes) => [...bytes]));
        const all = [...own, ...shared];
        const target = Uint8Array.from(order.flatMap((at) => [...(all[at] ?? [])]));
        expect(decoded(encodeCopies(base, target), base, target.length)).toEqual(target);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([1_000, 400_000])('cost little where %i bytes were cut, swapped and put between', (bytes) => {
    const base = noise(bytes, 1);
    const half = bytes >> 1;
    const target = Uint8Array.from([...base.subarray(half), ...noise(50, 2), ...base.subarray(10, half)]);
    const coded = encodeCopies(base, target);
    expect(decoded(coded, base, target.length)).toEqual(target);
    expect(coded.length).toBeLessThan(200);
  });

  it.each([
    ['a copy beyond the base', [1, 0, 90, 20, 0], 20],
    ['more new bytes than there are', [1, 5, 0, 20, 0], 25],
    ['another number of bytes', [1, 0, 0, 20, 0], 21],
    ['more new bytes than the run has', [0, 500], 20],
    ['more pieces than the delta has', [4_000_000_000, 0], 20],
  ])('are refused with %s', (_, numbers, bytes) => {
    const coded = Uint8Array.from([...words(numbers), 0]);
    expect(() => decoded(coded, noise(100, 3), bytes)).toThrow('The delta was refused');
  });
});
