// Owns the 95 % interval of an area under the ROC curve. It never computes the area.
import type { Interval } from '@nanofleet/runtime';

/** 97.5 % quantile of the standard normal distribution. */
const Z = 1.959964;

/** From the standard error of Hanley and McNeil (1982), cut to 0..1; wide, as it should be, when one group is small. */
export function aurocInterval(
  area: number,
  { inScope, outOfScope }: { readonly inScope: number; readonly outOfScope: number },
): Interval {
  const twoOutOfScope = area / (2 - area) - area ** 2;
  const twoInScope = (2 * area ** 2) / (1 + area) - area ** 2;
  const pairs = area * (1 - area) + (outOfScope - 1) * twoOutOfScope + (inScope - 1) * twoInScope;
  const spread = Z * Math.sqrt(Math.max(0, pairs) / (inScope * outOfScope));
  return { low: Math.max(0, area - spread), high: Math.min(1, area + spread) };
}
