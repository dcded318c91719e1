import { describe, expect, it } from 'vitest';
import { pairedDifference } from './paired.ts';

const items = (count: number, right: (at: number) => boolean): boolean[] =>
  Array.from({ length: count }, (_, at) => right(at));

describe('the paired difference', () => {
  it('is the share that was gained less the share that was lost', () => {
    const before = items(100, (at) => at < 80);
    const after = items(100, (at) => at >= 5 && at < 82);
    expect(pairedDifference(before, after).points).toBeCloseTo(-3, 10);
  });

  it('agrees with the interval worked out by hand for 5 lost and 2 gained of 100', () => {
    const { low, high } = pairedDifference(
      items(100, (at) => at < 80),
      items(100, (at) => at >= 5 && at < 82),
    );
    // (3 - 6) / 102 and 1.96 sqrt((9/102 - (3/102)^2) / 102)
    expect(low).toBeCloseTo(-8.675, 2);
    expect(high).toBeCloseTo(2.793, 2);
  });

  it('has a width even where nothing changed', () => {
    const same = items(1_000, (at) => at % 2 === 0);
    const { points, low, high } = pairedDifference(same, same);
    expect(points).toBe(0);
    expect(low).toBeCloseTo(-high, 10);
    expect(high).toBeGreaterThan(0);
  });
});
