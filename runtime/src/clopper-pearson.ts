/**
 * Owns exact upper bounds for a share that was counted, and how many examples a bound takes. Pure; what is counted is the
 * caller's.
 */
import { assert } from '@nanofleet/protocol';
import { logGamma } from './log-gamma.ts';

const STEPS_MAX = 500;
const PRECISION = 1e-14;
const TINY = 1e-300;

/** I_x(a, b), the chance that a Beta(a, b) variable is at most x; 0 <= x <= 1, a and b > 0. */
export function regularizedBeta(x: number, { a, b }: { readonly a: number; readonly b: number }): number {
  assert(x >= 0 && x <= 1 && a > 0 && b > 0, 'a point of a beta distribution');
  if (x === 0 || x === 1) return x;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast on this side of the mean; the other side is its mirror.
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, { a, b })) / a
    : 1 - (front * betaFraction(1 - x, { a: b, b: a })) / b;
}

// Continued fraction 26.5.8 of Abramowitz and Stegun, evaluated after Lentz 1976.
function betaFraction(x: number, { a, b }: { readonly a: number; readonly b: number }): number {
  let upper = 1;
  let lower = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let result = lower;
  for (let step = 1; step <= STEPS_MAX; step += 1) {
    const place = a + 2 * step;
    const even = (step * (b - step) * x) / ((place - 1) * place);
    const odd = (-(a + step) * (a + b + step) * x) / (place * (place + 1));
    let change = 1;
    for (const term of [even, odd]) {
      lower = 1 / nonZero(1 + term * lower);
      upper = nonZero(1 + term / upper);
      change = lower * upper;
      result *= change;
    }
    if (Math.abs(change - 1) < PRECISION) break;
  }
  return result;
}

const nonZero = (value: number): number => (Math.abs(value) < TINY ? TINY : value);

/** The x with I_x(a, b) = `chance`, by bisection to 2^-50. */
export function inverseRegularizedBeta(
  chance: number,
  shape: { readonly a: number; readonly b: number },
): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 50; step += 1) {
    const middle = (low + high) / 2;
    if (regularizedBeta(middle, shape) < chance) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The one-sided upper bound of a share of which `hits` of `count` were seen (Clopper and Pearson 1934): the true share is above
 * it with a chance of at most `delta`. 1 for no examples.
 */
export function clopperPearsonUpper(
  hits: number,
  { count, delta }: { count: number; delta: number },
): number {
  assert(hits >= 0 && hits <= count && delta > 0 && delta < 1, 'a share of some and a chance');
  return hits === count ? 1 : inverseRegularizedBeta(1 - delta, { a: hits + 1, b: count - hits });
}

/** Examples that a promise could ask for at most; beyond, the honest answer is "no number that anyone collects". */
const EXAMPLES_MAX = 1 << 24;

/** The least number of examples that is enough, if more of them are enough, too; null if none up to 2^24 is. */
export function leastCount(isEnough: (count: number) => boolean): number | null {
  let high = 1;
  while (!isEnough(high)) {
    if (high >= EXAMPLES_MAX) return null;
    high *= 2;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return Math.ceil(high);
}

/** The least number of examples that would show a share to be at most `bound`, were it `rate`; null if none would (or over 2^24). */
export function examplesNeeded({
  rate,
  bound,
  delta,
}: {
  readonly rate: number;
  readonly bound: number;
  readonly delta: number;
}): number | null {
  if (rate >= bound) return null;
  return leastCount((count) => clopperPearsonUpper(Math.ceil(rate * count), { count, delta }) <= bound);
}
