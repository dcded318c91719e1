/**
 * Owns how models are judged: accuracy, macro-F1, AUROC, false acceptance at 95 % coverage, calibration error, the best temperature.
 * Pure arithmetic over scores; reads no data sets and rounds nothing.
 */
import { assert } from '@nanofleet/protocol';

/** log(sum(exp(x))) over one row of logits, safe from overflow. */
export function logSumExp(logits: ArrayLike<number>): number {
  const highest = maxOf(logits);
  let sum = 0;
  for (let at = 0; at < logits.length; at += 1) sum += Math.exp((logits[at] ?? 0) - highest);
  return highest + Math.log(sum);
}

/** Probabilities of one row of logits at a temperature (1 leaves them as they are). */
export function softmax(logits: ArrayLike<number>, temperature = 1): Float32Array {
  const highest = maxOf(logits);
  const result = Float32Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  const sum = result.reduce((total, value) => total + value, 0);
  return result.map((value) => value / sum);
}

/** Index of the greatest value; the first of equals. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let at = 1; at < values.length; at += 1) if ((values[at] ?? 0) > (values[best] ?? 0)) best = at;
  return best;
}

function maxOf(values: ArrayLike<number>): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < values.length; at += 1) highest = Math.max(highest, values[at] ?? highest);
  return highest;
}

/** Share of predictions that equal the gold label, 0..1. */
export function accuracy(predicted: ArrayLike<number>, gold: ArrayLike<number>): number {
  assert(predicted.length === gold.length && gold.length > 0, 'as many predictions as gold labels');
  let right = 0;
  for (let at = 0; at < gold.length; at += 1) if (predicted[at] === gold[at]) right += 1;
  return right / gold.length;
}

/** Mean over the classes of the F1 score; a class that is neither predicted nor present is left out. */
export function macroF1(predicted: ArrayLike<number>, gold: ArrayLike<number>, classes: number): number {
  assert(predicted.length === gold.length && gold.length > 0, 'as many predictions as gold labels');
  const [hits, guesses, present] = [
    new Float64Array(classes),
    new Float64Array(classes),
    new Float64Array(classes),
  ];
  for (let at = 0; at < gold.length; at += 1) {
    const [guess, truth] = [predicted[at] ?? 0, gold[at] ?? 0];
    guesses[guess] = (guesses[guess] ?? 0) + 1;
    present[truth] = (present[truth] ?? 0) + 1;
    if (guess === truth) hits[truth] = (hits[truth] ?? 0) + 1;
  }
  const scores: number[] = [];
  for (let at = 0; at < classes; at += 1) {
    const total = (guesses[at] ?? 0) + (present[at] ?? 0);
    if (total > 0) scores.push((2 * (hits[at] ?? 0)) / total);
  }
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Scores of two groups; a higher score means "rather out of scope". */
export interface ScoreGroups {
  readonly inScope: ArrayLike<number>;
  readonly outOfScope: ArrayLike<number>;
}

/** Chance that a random out-of-scope score is above a random in-scope one, ties counted half; 0..1. */
export function auroc({ inScope, outOfScope }: ScoreGroups): number {
  assert(inScope.length > 0 && outOfScope.length > 0, 'scores of both groups');
  const all = [
    ...Array.from(inScope, (score) => ({ score, out: false })),
    ...Array.from(outOfScope, (score) => ({ score, out: true })),
  ].toSorted((left, right) => left.score - right.score);
  let rankSum = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.score === all[from]?.score) to += 1;
    const rank = (from + to + 1) / 2;
    rankSum += rank * all.slice(from, to).filter((entry) => entry.out).length;
    from = to;
  }
  const count = outOfScope.length;
  return (rankSum - (count * (count + 1)) / 2) / (count * inScope.length);
}

/** Share of out-of-scope inputs that are accepted when the threshold accepts 95 % of the in-scope ones; 0..1, lower is better. */
export function fpr95({ inScope, outOfScope }: ScoreGroups): number {
  const threshold = quantile(inScope, 0.95);
  return Array.from(outOfScope).filter((score) => score <= threshold).length / outOfScope.length;
}

/** The smallest value that at least the share `at` (0..1) of the values do not exceed. */
export function quantile(values: ArrayLike<number>, at: number): number {
  assert(values.length > 0 && at >= 0 && at <= 1, 'a quantile of some values');
  const sorted = Float64Array.from(values).sort();
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(at * sorted.length) - 1));
  return sorted[index] ?? Number.NaN;
}

/** Mean gap between confidence and accuracy over 15 equal bins, weighted by their size; 0..1. */
export function expectedCalibrationError(confidence: ArrayLike<number>, isRight: readonly boolean[]): number {
  const bins = 15;
  const [count, sure, right] = [new Float64Array(bins), new Float64Array(bins), new Float64Array(bins)];
  for (let at = 0; at < confidence.length; at += 1) {
    const value = confidence[at] ?? 0;
    const bin = Math.min(bins - 1, Math.floor(value * bins));
    count[bin] = (count[bin] ?? 0) + 1;
    sure[bin] = (sure[bin] ?? 0) + value;
    right[bin] = (right[bin] ?? 0) + (isRight[at] === true ? 1 : 0);
  }
  let gap = 0;
  for (let bin = 0; bin < bins; bin += 1) gap += Math.abs((sure[bin] ?? 0) - (right[bin] ?? 0));
  return gap / confidence.length;
}

/**
 * The temperature that gives the gold labels the highest likelihood: one number, found by golden-section search over its logarithm
 * between 1/20 and 20 (the likelihood has one maximum in 1/T).
 */
export function fitTemperature(logits: readonly ArrayLike<number>[], gold: ArrayLike<number>): number {
  assert(logits.length === gold.length && logits.length > 0, 'as many rows of logits as gold labels');
  const loss = (logTemperature: number): number =>
    negativeLogLikelihood(logits, gold, Math.exp(logTemperature));
  const shrink = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [-Math.log(20), Math.log(20)];
  while (high - low > 1e-4) {
    const [left, right] = [high - shrink * (high - low), low + shrink * (high - low)];
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** Mean negative log-likelihood of the gold labels at a temperature, in nats. */
export function negativeLogLikelihood(
  logits: readonly ArrayLike<number>[],
  gold: ArrayLike<number>,
  temperature: number,
): number {
  // Without an array per row: fitting a temperature calls this fifty times over every example.
  let total = 0;
  logits.forEach((row, at) => {
    const highest = maxOf(row);
    let sum = 0;
    for (let label = 0; label < row.length; label += 1)
      sum += Math.exp(((row[label] ?? 0) - highest) / temperature);
    total += Math.log(sum) + (highest - (row[gold[at] ?? 0] ?? 0)) / temperature;
  });
  return total / logits.length;
}
