// Differences in points.
import { expect, it } from 'vitest';
import { pointsText } from './round-words.ts';

it('a difference carries its sign, and none is not a gain', () => {
  expect([0.031, -0.004, 0, 0.0001].map(pointsText)).toEqual(['+3.1', '−0.4', '±0.0', '±0.0']);
});
