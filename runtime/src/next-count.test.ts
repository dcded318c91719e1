// Behaviour of limits for what is counted next: by enumeration, against the limit for the true share, and on drawn orders.
import { describe, expect, it } from 'vitest';
import { clopperPearsonUpper } from './clopper-pearson.ts';
import { chanceOfAtMost, nextHitsUpper } from './next-count.ts';
import { SeededDraws } from './testing/seeded-draws.ts';

describe('chanceOfAtMost', () => {
  it('counts the orders of few examples', () => {
    // Of the 10 places for 2 hits among 5, 1 puts both in the last two, 6 put one there, 3 none.
    expect(chanceOfAtMost(0, { count: 3, next: 2, total: 2 })).toBeCloseTo(0.1, 12);
    expect(chanceOfAtMost(1, { count: 3, next: 2, total: 2 })).toBeCloseTo(0.7, 12);
    expect(chanceOfAtMost(2, { count: 3, next: 2, total: 2 })).toBeCloseTo(1, 12);
  });

  it('is certain where no hit is left for the next', () => {
    expect(chanceOfAtMost(7, { count: 500, next: 300, total: 7 })).toBeCloseTo(1, 10);
  });
});

describe('nextHitsUpper', () => {
  it('allows more than the limit of the true share, and comes near it for many next', () => {
    const [hits, count, delta] = [17, 1350, 0.1];
    const upper = clopperPearsonUpper(hits, { count, delta });
    const shares = [200, 1350, 20_000, 2_000_000].map(
      (next) => nextHitsUpper(hits, { count, next, delta }) / next,
    );
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    expect(shares.at(-1)).toBeGreaterThan(upper - 1e-5);
    expect(shares.at(-1)).toBeCloseTo(upper, 4);
  });

  it('is exceeded at most as often as stated, whatever the share', () => {
    const random = new SeededDraws(21);
    const hitsOf = (count: number, share: number): number => {
      let hits = 0;
      for (let at = 0; at < count; at += 1) if (random.uniform() < share) hits += 1;
      return hits;
    };
    for (const share of [0.005, 0.02, 0.2]) {
      let exceeded = 0;
      for (let trial = 0; trial < 1000; trial += 1) {
        const seen = hitsOf(300, share);
        if (hitsOf(200, share) > nextHitsUpper(seen, { count: 300, next: 200, delta: 0.1 })) exceeded += 1;
      }
      // Three deviations of chance above the stated 100.
      expect(exceeded).toBeLessThan(130);
    }
  });

  it('has nothing to allow without next examples', () => {
    expect(nextHitsUpper(3, { count: 10, next: 0, delta: 0.1 })).toBe(0);
  });
});
