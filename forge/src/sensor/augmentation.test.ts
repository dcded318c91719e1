// Behaviour of augmentation: what must stay of a window stays, and the window that is given is never changed.
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { augmentationOf } from './augmentation.ts';
import type { AugmentationSettings } from './recipe.ts';

const NONE: AugmentationSettings = {
  noise: 0,
  gain: 0,
  rotationDegrees: 0,
  shiftSamples: 0,
  stretch: 0,
  warpBands: 0,
  level: 0,
  maskBands: 0,
};
const FORM = { channels: 6, samples: 8, units: [1, 1, 1, 1, 1, 1] };
const drawn = new SeededRandom(1, 'window');
const WINDOW = Float32Array.from({ length: 48 }, () => drawn.normal());
const changed = (settings: Partial<AugmentationSettings>, window = WINDOW, seed = 1): Float32Array =>
  augmentationOf({ ...NONE, ...settings }, FORM)(window, new SeededRandom(seed, 'change'));
const channel = (window: Float32Array, at: number): number[] => [...window.subarray(8 * at, 8 * at + 8)];

describe('augmentation', () => {
  it('without settings gives the window itself', () => {
    expect(changed({})).toEqual(WINDOW);
  });

  it.each([
    ['noise', { noise: 0.1 }],
    ['gain', { gain: 0.3 }],
    ['rotation', { rotationDegrees: 40 }],
    ['shift', { shiftSamples: 3 }],
    ['stretch', { stretch: 0.3 }],
    ['warped bands', { warpBands: 0.3 }],
    ['level', { level: 0.5 }],
    ['masked bands', { maskBands: 4 }],
  ])(
    'by %s gives other windows, the same for the same draws, and leaves the given one',
    (_name, settings) => {
      const before = Float32Array.from(WINDOW);
      const all = Array.from({ length: 8 }, (_, seed) => changed(settings, WINDOW, seed));
      expect(all.some((window) => window.some((value, at) => value !== WINDOW[at]))).toBe(true);
      expect(all.flatMap((window) => [...window]).every(Number.isFinite)).toBe(true);
      expect(changed(settings, WINDOW, 5)).toEqual(all[5]);
      expect(WINDOW).toEqual(before);
    },
  );

  it('turns triples of channels without changing their length', () => {
    const turned = changed({ rotationDegrees: 90 });
    for (const [first, at] of [0, 3].flatMap((triple) => [0, 5].map((sample) => [triple, sample] as const))) {
      const length = (window: Float32Array) =>
        Math.hypot(...[0, 1, 2].map((of) => window[8 * (first + of) + at] ?? 0));
      expect(length(turned)).toBeCloseTo(length(WINDOW), 5);
    }
  });

  it('shifts and stretches between the values that are there', () => {
    const moved = changed({ shiftSamples: 4, stretch: 0.4 });
    for (let at = 0; at < 6; at += 1) {
      expect(Math.max(...channel(moved, at))).toBeLessThanOrEqual(Math.max(...channel(WINDOW, at)));
      expect(Math.min(...channel(moved, at))).toBeGreaterThanOrEqual(Math.min(...channel(WINDOW, at)));
    }
  });

  it('leaves silence silent at another level', () => {
    const window = Float32Array.from({ length: 48 }, (_, at) => (at < 24 ? 0 : 3));
    expect([...changed({ level: 1 }, window).subarray(0, 24)]).toEqual(Array.from({ length: 24 }, () => 0));
  });
});
