// Rates out of counters.
import { expect, it } from 'vitest';
import { perSecondOf } from './beat-rates.ts';

it('a rate needs two beats, and an agent that began anew counts from zero', () => {
  const beats = [
    { at: 0, decisions: 10 },
    { at: 5_000, decisions: 20 },
    { at: 10_000, decisions: 5 },
  ];
  expect(perSecondOf(beats)).toEqual([null, 2, 1]);
});
