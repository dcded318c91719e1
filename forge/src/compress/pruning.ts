// Owns leaving weights of a tower out: single weights by magnitude, hidden units by importance, and rows by folding the
// table in half. Pure; it never retrains.
import { NanofleetError } from '@nanofleet/protocol';
import type { Tower } from '../text/tower.ts';

/** Which weights of the table to keep: 1 for kept, 0 for pruned. */
export type Mask = Uint8Array;

/** Keeps the greatest magnitudes: all but the share of the whole table, or of each of its rows. */
export function magnitudeMask(
  table: Float32Array,
  {
    share,
    scope,
    width,
  }: { readonly share: number; readonly scope: 'table' | 'row'; readonly width: number },
): Mask {
  const mask = new Uint8Array(table.length);
  const group = scope === 'table' ? table.length : width;
  for (let from = 0; from < table.length; from += group) {
    const magnitudes = table.subarray(from, from + group).map(Math.abs);
    const pruned = Math.round(magnitudes.length * share);
    const lowest = magnitudes.slice().sort()[pruned] ?? Number.POSITIVE_INFINITY;
    for (let at = 0; at < magnitudes.length; at += 1)
      mask[from + at] = (magnitudes[at] ?? 0) >= lowest ? 1 : 0;
  }
  return mask;
}

/** The tower without the weights of its table that the mask leaves out. */
export function masked(tower: Tower, mask: Mask): Tower {
  return { ...tower, table: tower.table.map((value, at) => (mask[at] === 0 ? 0 : value)) };
}

/** The tower without the share of its hidden units whose weights in and out have the least product of norms. */
export function withoutUnits(tower: Tower, share: number): Tower {
  const { width, hidden, classes } = tower.shape;
  const kept = Math.max(1, Math.round(hidden * (1 - share)));
  if (hidden === 0) throw new NanofleetError('TRAINING_SET_INVALID', 'drop-units needs a hidden layer');
  const { dense } = tower;
  const importance = Array.from({ length: hidden }, (_, unit) => {
    let [into, out] = [0, 0];
    for (let at = 0; at < width; at += 1) into += (dense['hidden.weight'][at * hidden + unit] ?? 0) ** 2;
    for (let at = 0; at < classes; at += 1) out += (dense['head.weight'][unit * classes + at] ?? 0) ** 2;
    return into * out;
  });
  const units = importance
    .map((_, unit) => unit)
    .toSorted((a, b) => (importance[b] ?? 0) - (importance[a] ?? 0))
    .slice(0, kept)
    .toSorted((a, b) => a - b);
  const chosen = (rows: number, weight: Float32Array): Float32Array =>
    Float32Array.from({ length: rows * kept }, (_, at) => {
      return weight[Math.floor(at / kept) * hidden + (units[at % kept] ?? 0)] ?? 0;
    });
  return {
    shape: { ...tower.shape, hidden: kept },
    table: tower.table,
    dense: {
      ...dense,
      'hidden.weight': chosen(width, dense['hidden.weight']),
      'hidden.bias': chosen(1, dense['hidden.bias']),
      'head.weight': Float32Array.from({ length: kept * classes }, (_, at) => {
        return dense['head.weight'][(units[Math.floor(at / classes)] ?? 0) * classes + (at % classes)] ?? 0;
      }),
    },
  };
}

/**
 * The tower with half the buckets, each row the mean of the two that now share it: for an even count of buckets h mod B/2 is
 * (h mod B) mod B/2, so the features of texts fit by themselves.
 */
export function folded(tower: Tower): Tower {
  const { features, width } = tower.shape;
  if (features.buckets % 2 !== 0)
    throw new NanofleetError('TRAINING_SET_INVALID', `a table of ${features.buckets} rows cannot be folded`);
  const buckets = features.buckets / 2;
  const half = buckets * width;
  const table = tower.table.slice(0, half).map((value, at) => (value + (tower.table[half + at] ?? 0)) / 2);
  return { ...tower, shape: { ...tower.shape, features: { ...features, buckets } }, table };
}
