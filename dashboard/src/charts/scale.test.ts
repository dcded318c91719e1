// Scales of charts.
import { expect, it } from 'vitest';
import { areaOf, lineOf, runsOfKnown, scaleOf, ticksTo, tickText, timeTicks } from './scale.ts';

it('ticks are round and reach the greatest value', () => {
  expect(ticksTo(9, 4)).toEqual([0, 2.5, 5, 7.5, 10]);
  expect(ticksTo(0.31, 3)).toEqual([0, 0.2, 0.4]);
  expect(ticksTo(0, 3)).toEqual([0, 1]);
  expect(timeTicks(1, 3_600_000, 4)).toEqual([900_000, 1_800_000, 2_700_000, 3_600_000]);
});

it('texts of ticks carry no zeros that say nothing', () => {
  expect(['75.0', '0.00', '2.50 ms', '10 %', '100', '0.0 %'].map(tickText)).toEqual([
    '75',
    '0',
    '2.5 ms',
    '10 %',
    '100',
    '0 %',
  ]);
});

it('what is not known stays a gap', () => {
  const values = [1, 2, null, 4];
  expect(runsOfKnown(values).map((run) => run.length)).toEqual([2, 1]);
  const place = { x: (at: number) => at, y: (value: number) => value, base: 0 };
  expect(lineOf(values, place)).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
  expect(areaOf([null, 2], place)).toBe('M1.0 0.0L1.0 2.0L1.0 0.0Z');
});

it('a range of no width does not divide by zero', () => {
  expect(scaleOf([5, 5], [0, 10])(5)).toBe(0);
  expect(scaleOf([0, 10], [100, 0])(5)).toBe(50);
});
