import { describe, expect, it } from 'vitest';
import { ReadingRows } from './reading-rows.ts';
import { SampleGrid } from './sample-grid.ts';

const grid = (resample: 'linear' | 'hold', options: { withAge?: boolean } = {}) =>
  new SampleGrid({ channels: 1, rateHz: 4, resample, gapSeconds: 2, withAge: options.withAge ?? false });

describe('a grid of four samples a second', () => {
  it('puts samples on the line between two readings', () => {
    const linear = grid('linear');
    expect(linear.push(10, [0])).toEqual({ rows: [[0]], isGap: false, isLate: false });
    expect(linear.push(10.5, [2]).rows).toEqual([[1], [2]]);
    expect(linear.push(10.6, [9]).rows).toEqual([]);
    expect(linear.push(10.9, [12]).rows).toEqual([[expect.closeTo(10.5)]]);
  });

  it('holds a reading until the next one, and says for how long', () => {
    const held = grid('hold', { withAge: true });
    expect(held.push(0, [5]).rows).toEqual([]);
    expect(held.push(0.6, [7]).rows).toEqual([
      [5, 0],
      [5, 0.25],
      [5, 0.5],
    ]);
    const plain = grid('hold');
    plain.push(0, [5]);
    expect(plain.push(0.5, [7]).rows).toEqual([[5], [5]]);
  });

  it.each(['linear', 'hold'] as const)('makes nothing up for a silence that is too long: %s', (resample) => {
    const stream = grid(resample);
    stream.push(0, [1]);
    expect(stream.push(2, [1]).isGap).toBe(false);
    const after = stream.push(4.5, [3]);
    expect(after.isGap).toBe(true);
    expect(after.rows.length).toBeLessThanOrEqual(1);
    // The grid begins anew at the reading after the gap.
    expect(stream.push(4.75, [3]).rows).toEqual([[3]]);
  });

  it('leaves out a reading that is not later than the last', () => {
    const linear = grid('linear');
    linear.push(1, [1]);
    expect(linear.push(1, [2])).toEqual({ rows: [], isGap: false, isLate: true });
    expect(linear.push(0.5, [2]).isLate).toBe(true);
    expect(linear.push(1.25, [2]).rows).toEqual([[2]]);
  });

  it('gives as many samples as the rate says, whatever the times of readings', () => {
    const linear = grid('linear');
    let rows = 0;
    for (let reading = 0; reading <= 1_000; reading += 1)
      rows += linear.push(reading * 0.1, [reading]).rows.length;
    expect(rows).toBe(401);
  });
});

describe('readings of channels that come one by one', () => {
  it('are whole when time goes on, and keep what did not come', () => {
    const rows = new ReadingRows(['x', 'y']);
    expect(rows.push({ seconds: 1, values: new Map([['x', 1]]) })).toEqual([]);
    expect(rows.push({ seconds: 1, values: new Map([['y', 2]]) })).toEqual([]);
    expect(rows.push({ seconds: 2, values: new Map([['y', 3]]) })).toEqual([{ seconds: 1, values: [1, 2] }]);
    expect(rows.push({ seconds: 3, values: new Map([['x', 9]]) })).toEqual([{ seconds: 2, values: [1, 3] }]);
  });

  it('are none before every channel has come', () => {
    const rows = new ReadingRows(['x', 'y']);
    rows.push({ seconds: 1, values: new Map([['x', 1]]) });
    expect(rows.push({ seconds: 2, values: new Map([['x', 2]]) })).toEqual([]);
  });

  it('are given at once when they come whole', () => {
    const rows = new ReadingRows(['x', 'y']);
    const both = new Map([
      ['y', 2],
      ['x', 1],
    ]);
    expect(rows.push({ seconds: 1, values: both })).toEqual([{ seconds: 1, values: [1, 2] }]);
  });
});
