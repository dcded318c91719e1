// A slice of `pnpm soak once`, and proof that it notices.
import { expect, it } from 'vitest';
import { OnceWorld } from './once-world.ts';

const SEED = 20261127;

it('has the effect of each command once, delivered one to five times in any order, with crashes between', () => {
  const tallies = Array.from({ length: 20 }, (_, at) => new OnceWorld(SEED + at).run(25));
  expect(tallies.flatMap(({ faults }) => faults)).toEqual([]);
  const sum = (of: 'commands' | 'crashes' | 'powerCuts' | 'fullDisks' | 'refused') =>
    tallies.reduce((total, tally) => total + tally[of], 0);
  expect(tallies.reduce((total, { effects }) => total + (effects[1] ?? 0), 0)).toBe(sum('commands'));
  expect(sum('commands')).toBe(20 * 25);
  for (const of of ['crashes', 'powerCuts', 'fullDisks', 'refused'] as const)
    expect(sum(of)).toBeGreaterThan(20);
});
