import { expect, it } from 'vitest';
import { rangeOf } from './byte-range.ts';

it.each([
  [undefined, 10, null],
  ['bytes=0-4', 10, { from: 0, to: 4 }],
  ['bytes=5-', 10, { from: 5, to: 9 }],
  ['bytes=5-99', 10, { from: 5, to: 9 }],
  ['bytes=-3', 10, { from: 7, to: 9 }],
  ['bytes=-30', 10, { from: 0, to: 9 }],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=5-4', 10, null],
  ['bytes=-', 10, null],
  ['bytes=0-1,3-4', 10, null],
  ['lines=0-1', 10, null],
])('the range %s of %d bytes is %o', (header, size, range) => {
  expect(rangeOf(header, size)).toEqual(range);
});
