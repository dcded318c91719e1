import { describe, expect, it } from 'vitest';
import { SeededRandom } from './seeded-random.ts';

const draws = (random: SeededRandom): number[] => Array.from({ length: 2000 }, () => random.uniform());

describe('SeededRandom', () => {
  it('repeats for the same seed and purpose, and differs for another', () => {
    expect(draws(new SeededRandom(1, 'x'))).toEqual(draws(new SeededRandom(1, 'x')));
    expect(draws(new SeededRandom(1, 'x'))).not.toEqual(draws(new SeededRandom(1, 'y')));
    expect(draws(new SeededRandom(1, 'x'))).not.toEqual(draws(new SeededRandom(2, 'x')));
  });

  it('is spread evenly over its range', () => {
    const all = draws(new SeededRandom(3));
    expect(Math.abs(all.reduce((sum, draw) => sum + draw, 0) / all.length - 0.5)).toBeLessThan(0.02);
    expect(Math.max(...all)).toBeLessThan(1);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
  });

  it('orders every number exactly once', () => {
    expect([...new SeededRandom(4).order(50)].toSorted((a, b) => a - b)).toEqual([...Array(50).keys()]);
  });
});
