/**
 * Evidence against a hypothesis that may be looked at as often as one likes: e-values, whose expectation is at most 1
 * while the hypothesis holds, so that one ever above 1/a comes with a probability of at most a (Ville 1939). Both are
 * mixtures over what might be true instead (Robbins 1970; Johari, Koomen, Pekelis and Walsh, "Always Valid Inference",
 * Operations Research 70, 2022). Pure.
 */

const NODES = 160;

/** Standard normal distribution function (Abramowitz and Stegun 26.2.17, error below 7.5e-8). */
export const normalShare = (z: number): number => {
  const t = 1 / (1 + 0.231_641_9 * Math.abs(z));
  const series =
    t *
    (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? 1 - tail : tail;
};

/** A Student t of some degrees of freedom as the normal deviate of the same tail (Abramowitz and Stegun 26.7.8). */
export const normalOfStudent = (t: number, degrees: number): number =>
  (t * (1 - 1 / (4 * degrees))) / Math.sqrt(1 + (t * t) / (2 * degrees));

/**
 * Evidence that a mean is above 0, of an estimate whose error is normal with a known variance: the likelihood ratio
 * against 0, mixed over a half-normal prior of scale `spread` for the true mean.
 */
export const evidenceAbove = ({
  estimate,
  spread,
  variance,
}: {
  readonly estimate: number;
  readonly variance: number;
  readonly spread: number;
}): number => {
  if (variance <= 0) return 1;
  const prior = spread * spread;
  const total = variance + prior;
  const pull = (prior * estimate * estimate) / (2 * variance * total);
  const share = normalShare((estimate * spread) / Math.sqrt(variance * total));
  // An exponent beyond what a double holds is evidence enough.
  return 2 * Math.sqrt(variance / total) * Math.exp(Math.min(pull, 700)) * share;
};

/**
 * Evidence that losses come with a chance above `chance`, of so many losses and wins: the likelihood ratio against
 * `chance`, mixed evenly over all greater chances. Counts need not be whole.
 */
export const evidenceOfLosses = ({
  chance,
  losses,
  wins,
}: {
  readonly losses: number;
  readonly wins: number;
  readonly chance: number;
}): number => {
  if (chance >= 1) return 1;
  const floor = Math.max(chance, 1e-9);
  let sum = 0;
  for (let node = 0; node < NODES; node += 1) {
    const p = floor + ((node + 0.5) / NODES) * (1 - floor);
    const ratio = losses * Math.log(p / floor) + wins * Math.log((1 - p) / (1 - floor));
    sum += Math.exp(Math.min(ratio, 700));
  }
  return sum / NODES;
};
