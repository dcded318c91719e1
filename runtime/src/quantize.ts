/**
 * Owns symmetric quantization of weights: codes = round(value / scale), one scale per index of an axis or one for all. Can re-use the
 * scales of a parent ("on its grid"), because fresh scales would move codes that did not change. Never touches activations.
 */
import { assert } from '@nanofleet/protocol';

/** How a tensor is cut into groups that share a scale. */
export interface Grid {
  readonly shape: readonly number[];
  /** Each index along this axis has its own scale; null for one scale for all. */
  readonly axis: number | null;
  /** Bits of a code, 2..8; codes lie in ±(2^(bits-1) - 1), so that zero is exact and the range symmetric. */
  readonly bits: number;
}

/** Codes with the scales that give the values back: value ≈ code * scale. */
export interface Quantized {
  readonly codes: Int8Array;
  readonly scales: Float32Array;
}

/** Greatest code of a width. */
export const codeMax = (bits: number): number => 2 ** (bits - 1) - 1;

/** Rounds halves to even, as QuantizeLinear of ONNX does. */
export function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}

/** Index of the scale of each element; row-major. */
function groupOf(grid: Grid): { groups: number; of: (element: number) => number } {
  const { shape, axis } = grid;
  if (axis === null) return { groups: 1, of: () => 0 };
  const groups = shape[axis];
  assert(groups !== undefined, 'the axis is one of the tensor');
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return { groups, of: (element) => Math.floor(element / inner) % groups };
}

/** Below this a magnitude counts as zero: its scale would underflow to 0 in float32, and dividing by it gives NaN. */
const MAGNITUDE_MIN = 1e-30;

/** Scales that map the greatest magnitude of each group to the greatest code; 1 for a group of zeros. */
export function scalesOf(values: ArrayLike<number>, grid: Grid): Float32Array {
  const { groups, of } = groupOf(grid);
  const highest = new Float32Array(groups);
  for (let at = 0; at < values.length; at += 1) {
    const group = of(at);
    highest[group] = Math.max(highest[group] ?? 0, Math.abs(values[at] ?? 0));
  }
  return highest.map((value) => (value < MAGNITUDE_MIN ? 1 : value / codeMax(grid.bits)));
}

/** Shares of the greatest magnitude that the clip search tries. */
const CLIPS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4];

/**
 * Scales of each group with the least squared error among those that map 40 to 100 % of its greatest magnitude to the greatest code:
 * at four bits and fewer a finer grid is worth a few clipped values.
 * @param round what a scale becomes when it is kept, such as the nearest half
 */
export function clippedScales(
  values: ArrayLike<number>,
  grid: Grid,
  round: (scale: number) => number = (scale) => scale,
): Float32Array {
  const widest = scalesOf(values, grid);
  const { groups, of } = groupOf(grid);
  const best = { error: new Float64Array(groups).fill(Number.POSITIVE_INFINITY), scales: widest.slice() };
  for (const clip of CLIPS) {
    const scales = widest.map((scale) => round(scale * clip) || scale);
    const { codes } = quantize(values, grid, scales);
    const error = new Float64Array(groups);
    codes.forEach((code, at) => {
      const group = of(at);
      error[group] = (error[group] ?? 0) + ((values[at] ?? 0) - code * (scales[group] ?? 1)) ** 2;
    });
    error.forEach((sum, group) => {
      if (sum >= (best.error[group] ?? 0)) return;
      best.error[group] = sum;
      best.scales[group] = scales[group] ?? 1;
    });
  }
  return best.scales;
}

/**
 * Quantizes values on given scales, or on fresh ones. Values beyond the grid are clipped to its ends.
 * @param scales one positive scale per group of the grid
 */
export function quantize(values: ArrayLike<number>, grid: Grid, scales = scalesOf(values, grid)): Quantized {
  const { groups, of } = groupOf(grid);
  assert(scales.length === groups, 'one scale per group');
  const highest = codeMax(grid.bits);
  const codes = new Int8Array(values.length);
  for (let at = 0; at < values.length; at += 1) {
    const code = roundHalfEven((values[at] ?? 0) / (scales[of(at)] ?? 1));
    codes[at] = Math.max(-highest, Math.min(highest, code));
  }
  return { codes, scales };
}

/** The values that codes stand for. */
export function dequantize({ codes, scales }: Quantized, grid: Grid): Float32Array {
  const { of } = groupOf(grid);
  return Float32Array.from(codes, (code, at) => code * (scales[of(at)] ?? 1));
}
