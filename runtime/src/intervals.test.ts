import { describe, expect, it } from 'vitest';
import { wilsonInterval } from './intervals.ts';

describe('wilsonInterval', () => {
  // Newcombe 1998, table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('agrees with the published one of %i of %i', (right, count, low, high) => {
    expect(wilsonInterval(right, count).low).toBeCloseTo(low, 4);
    expect(wilsonInterval(right, count).high).toBeCloseTo(high, 4);
  });

  it('contains the share and stays between 0 and 1', () => {
    for (const [right, count] of [
      [0, 1],
      [1, 1],
      [4500, 4500],
    ] as const) {
      const { low, high } = wilsonInterval(right, count);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(low <= right / count && right / count <= high).toBe(true);
    }
  });
});
