// Owns other windows that mean the same: worn another way, louder, faster, by another voice. Every draw comes from the given
// source. It never changes the window that it is given.
import type { SeededRandom } from '../seeded-random.ts';
import type { AugmentationSettings } from './recipe.ts';
import type { Augmentation } from './train.ts';

interface WindowForm {
  readonly channels: number;
  readonly samples: number;
  /** What each channel is divided by: noise and level are in these. */
  readonly units: readonly number[];
}

type Change = (values: Float32Array, form: WindowForm, random: SeededRandom) => Float32Array;

/** The augmentation that settings spell. */
export function augmentationOf(settings: AugmentationSettings, form: WindowForm): Augmentation {
  const changes = [
    ...(settings.stretch > 0 || settings.shiftSamples > 0 ? [moved(settings)] : []),
    ...(settings.warpBands > 0 ? [warped(settings.warpBands)] : []),
    ...(settings.rotationDegrees > 0 ? [turned(settings.rotationDegrees)] : []),
    ...(settings.gain > 0 ? [amplified(settings.gain)] : []),
    ...(settings.level > 0 ? [levelled(settings.level)] : []),
    ...(settings.noise > 0 ? [noised(settings.noise)] : []),
    ...(settings.maskBands > 0 ? [masked(settings.maskBands)] : []),
  ];
  return (values, random) => changes.reduce((changed, change) => change(changed, form, random), values);
}

const symmetric = (random: SeededRandom, size: number): number => (2 * random.uniform() - 1) * size;

/** The value of a row between its elements; beyond them, the nearest. */
function between(row: Float32Array, at: number): number {
  const clamped = Math.min(Math.max(at, 0), row.length - 1);
  const low = Math.floor(clamped);
  const left = row[low] ?? 0;
  return left + (clamped - low) * ((row[low + 1] ?? left) - left);
}

const moved =
  ({ stretch, shiftSamples }: Pick<AugmentationSettings, 'stretch' | 'shiftSamples'>): Change =>
  (values, { channels, samples }, random) => {
    const speed = 1 + symmetric(random, stretch);
    const shift = symmetric(random, shiftSamples);
    const result = new Float32Array(values.length);
    for (let channel = 0; channel < channels; channel += 1) {
      const row = values.subarray(channel * samples, (channel + 1) * samples);
      for (let at = 0; at < samples; at += 1)
        result[channel * samples + at] = between(row, at * speed + shift);
    }
    return result;
  };

const warped =
  (share: number): Change =>
  (values, { channels, samples }, random) => {
    const factor = 1 + symmetric(random, share);
    const result = new Float32Array(values.length);
    for (let channel = 0; channel < channels; channel += 1) {
      const from = Math.min(channel * factor, channels - 1);
      const low = Math.floor(from);
      const high = Math.min(low + 1, channels - 1);
      for (let at = 0; at < samples; at += 1) {
        const left = values[low * samples + at] ?? 0;
        result[channel * samples + at] = left + (from - low) * ((values[high * samples + at] ?? 0) - left);
      }
    }
    return result;
  };

const turned =
  (degrees: number): Change =>
  (values, { channels, samples }, random) => {
    const matrix = rotation(random, (symmetric(random, degrees) * Math.PI) / 180);
    const result = Float32Array.from(values);
    for (let triple = 0; triple + 3 <= channels; triple += 3)
      for (let at = 0; at < samples; at += 1)
        for (let row = 0; row < 3; row += 1) {
          let sum = 0;
          for (let column = 0; column < 3; column += 1)
            sum += (matrix[3 * row + column] ?? 0) * (values[(triple + column) * samples + at] ?? 0);
          result[(triple + row) * samples + at] = sum;
        }
    return result;
  };

/** Rodrigues' rotation about a random axis, row major [3, 3]. */
function rotation(random: SeededRandom, angle: number): number[] {
  const axis = [random.normal(), random.normal(), random.normal()];
  const length = Math.hypot(...axis);
  const [x = 0, y = 0, z = 1] = axis.map((part) => part / length);
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const rest = 1 - cos;
  return [
    cos + x * x * rest,
    x * y * rest - z * sin,
    x * z * rest + y * sin,
    y * x * rest + z * sin,
    cos + y * y * rest,
    y * z * rest - x * sin,
    z * x * rest - y * sin,
    z * y * rest + x * sin,
    cos + z * z * rest,
  ];
}

const amplified =
  (share: number): Change =>
  (values, { samples }, random) => {
    const result = new Float32Array(values.length);
    for (let start = 0; start < values.length; start += samples) {
      const factor = 1 + symmetric(random, share);
      for (let at = start; at < start + samples; at += 1) result[at] = (values[at] ?? 0) * factor;
    }
    return result;
  };

const levelled =
  (most: number): Change =>
  (values, { samples, units }, random) => {
    const level = symmetric(random, most);
    return values.map((value, at) =>
      value === 0 ? 0 : Math.max(0, value + level * (units[Math.floor(at / samples)] ?? 1)),
    );
  };

const noised =
  (deviation: number): Change =>
  (values, { samples, units }, random) => {
    if (random.uniform() < 0.5) return values;
    return values.map(
      (value, at) => value + deviation * (units[Math.floor(at / samples)] ?? 1) * random.normal(),
    );
  };

const masked =
  (most: number): Change =>
  (values, { channels, samples }, random) => {
    if (random.uniform() < 0.5) return values;
    const count = random.below(most + 1);
    const first = random.below(Math.max(1, channels - count));
    return Float32Array.from(values).fill(0, first * samples, (first + count) * samples);
  };
