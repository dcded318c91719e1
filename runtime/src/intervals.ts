/** Owns intervals for shares that were measured on a sample. Pure. */
import { assert } from '@nanofleet/protocol';

/** Bounds of a share, 0..1. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantile of the standard normal distribution. */
const Z = 1.959964;

/** The 95 % score interval of `right` of `count` (Wilson 1927): it holds for small samples and for shares near 0 and 1. */
export function wilsonInterval(right: number, count: number): Interval {
  assert(count > 0 && right >= 0 && right <= count, 'a share of some');
  const share = right / count;
  const spread =
    (Z / (1 + Z ** 2 / count)) * Math.sqrt((share * (1 - share)) / count + Z ** 2 / (4 * count ** 2));
  const middle = (share + Z ** 2 / (2 * count)) / (1 + Z ** 2 / count);
  return { low: Math.max(0, middle - spread), high: Math.min(1, middle + spread) };
}
