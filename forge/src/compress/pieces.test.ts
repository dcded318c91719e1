// Behaviour of shared pieces: the nearest stands for each part of a row, more of them err less, and what cannot be cut is refused.
import { dequantize } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { fitPieces, nearestPieces } from './pieces.ts';

const ROW_WIDTH = 8;
const random = new SeededRandom(1, 'a table');
const table = Float32Array.from({ length: 256 * ROW_WIDTH }, () => 0.1 * random.normal());

/** Share of the table's energy that its pieces miss. */
function missed(width: number, entries: number): number {
  const pieces = fitPieces(table, { width, entries, rowWidth: ROW_WIDTH, seed: 1 });
  const made = dequantize(nearestPieces(table, pieces), { shape: [256, ROW_WIDTH], axis: 0, bits: 8 });
  const energy = (values: Float32Array): number => values.reduce((sum, value) => sum + value ** 2, 0);
  return energy(table.map((value, at) => value - (made[at] ?? 0))) / energy(table);
}

describe('fitPieces', () => {
  it('gives rows that are scaled copies of each other back but for rounding, zeros too', () => {
    const row = [1, -2, 3, 0.5, 1, -2, 3, 0.5];
    const rows = Float32Array.from([row, row.map((value) => value * -7), row.map(() => 0), row].flat());
    const pieces = fitPieces(rows, { width: 4, entries: 4, rowWidth: ROW_WIDTH, seed: 1 });
    const made = dequantize(nearestPieces(rows, pieces), { shape: [4, ROW_WIDTH], axis: 0, bits: 8 });
    made.forEach((value, at) => expect(Math.abs(value - (rows[at] ?? 0))).toBeLessThan(0.15));
  });

  it('errs less with more pieces, and less than rounding to the same bits', () => {
    const [few, more] = [missed(2, 16), missed(2, 64)];
    expect(more).toBeLessThan(few);
    // Two bits a weight; the best scalar quantizer of a normal source misses 0.1175 (Max 1960), of three levels 0.19.
    expect(few).toBeLessThan(0.1175);
  });

  it.each([
    ['pieces that do not fill a row', 3, 16],
    ['more pieces than the table has', 8, 257],
  ])('refuses %s', (_what, width, entries) => {
    expect(() => fitPieces(table, { width, entries, rowWidth: ROW_WIDTH, seed: 1 })).toThrow(
      expect.objectContaining({ code: 'TRAINING_SET_INVALID' }),
    );
  });
});
