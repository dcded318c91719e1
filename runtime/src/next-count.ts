/**
 * Owns how many hits the next examples may have, from those that were counted: a promise about what will be counted, not about the
 * true share, so chance on both sides is part of it. Pure.
 */
import { assert } from '@nanofleet/protocol';
import { logChoose } from './log-gamma.ts';

/** Terms below this part of the sum change nothing. */
const NEGLIGIBLE = 1e-17;

/**
 * The chance that of `total` hits among `count + next` examples at most `hits` are among the first `count`, if every order is equally
 * likely (hypergeometric); 0 <= hits <= count, and hits <= total <= hits + next.
 */
export function chanceOfAtMost(
  hits: number,
  { count, next, total }: { readonly count: number; readonly next: number; readonly total: number },
): number {
  assert(hits >= 0 && hits <= count && total >= hits && total - hits <= next, 'hits on both sides');
  const others = count + next - total;
  let term = Math.exp(
    logChoose(total, hits) + logChoose(others, count - hits) - logChoose(count + next, count),
  );
  let sum = term;
  for (let at = hits; at > 0 && at > total - next; at -= 1) {
    term *= (at * (others - count + at)) / ((total - at + 1) * (count - at + 1));
    sum += term;
    if (term < NEGLIGIBLE * sum) break;
  }
  return Math.min(1, sum);
}

/**
 * The most hits that the `next` examples may have, given `hits` of `count`: more of them have a chance of at most `delta`, whatever the
 * true share, if all examples are alike (exact prediction limit from the hypergeometric test).
 */
export function nextHitsUpper(
  hits: number,
  { count, next, delta }: { readonly count: number; readonly next: number; readonly delta: number },
): number {
  assert(delta > 0 && delta < 1, 'a chance');
  const isLikely = (more: number): boolean =>
    chanceOfAtMost(hits, { count, next, total: hits + more }) > delta;
  let [low, high] = [0, next + 1];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isLikely(middle)) low = middle;
    else high = middle;
  }
  return low;
}
