// The difference of two shares that were measured on the same items, with its interval. Pure.

/** A paired difference, in points (hundredths). */
export interface PairedDifference {
  readonly points: number;
  /** Bounds of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

/** 97.5 % quantile of the normal distribution. */
const Z = 1.959964;

/**
 * How much larger the share of `after` is than that of `before`; the adjusted Wald interval of Bonett and Price (2012,
 * J. Educ. Behav. Stat. 37) keeps its coverage where few or no items changed, where the plain one has no width.
 */
export function pairedDifference(before: readonly boolean[], after: readonly boolean[]): PairedDifference {
  const count = before.length;
  let gained = 0;
  let lost = 0;
  before.forEach((was, at) => {
    if (was && after[at] !== true) lost += 1;
    if (!was && after[at] === true) gained += 1;
  });
  const [up, down] = [(gained + 1) / (count + 2), (lost + 1) / (count + 2)];
  const reach = Z * Math.sqrt((up + down - (up - down) ** 2) / (count + 2));
  return {
    points: (100 * (gained - lost)) / count,
    low: 100 * (up - down - reach),
    high: 100 * (up - down + reach),
  };
}
