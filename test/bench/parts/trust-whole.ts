// What all labelled texts together say of trust: the order of answers, the bundle that a recipe would give, and what knowing the true
// shares would be worth; each with 95 % intervals from texts drawn anew. It loads no model and reads no file.
import type { SeededRandom } from '@nanofleet/forge';
import { areaUnderRisk, certify, excessAreaUnderRisk, mixWeights, quantile } from '@nanofleet/runtime';
import { halves } from './drawn-texts.ts';
import {
  type Judged,
  type JudgedTexts,
  type KeptShares,
  keptBy,
  keptShares,
  type TrialSettings,
} from './trust-trial.ts';

const RESAMPLES = 300;
/** Share of the halves on which the second oracle must hold. */
const HELD = 0.9;

/** A figure with its 95 % interval. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const rounded = (value: number): number => Number(value.toFixed(4));

/** A figure with the interval that these values of it span. */
export const spanned = (value: number, values: readonly number[]): Figure => ({
  value: rounded(value),
  low: rounded(quantile(values, 0.025)),
  high: rounded(quantile(values, 0.975)),
});

/** Share of a mix that is sent on. */
export const offloadOf = ({ inScope, outOfScope }: KeptShares, share: number): number =>
  (1 - share) * (1 - inScope) + share * (1 - outOfScope);

interface Weighed extends Judged {
  readonly isOut: boolean;
  readonly weight: number;
}

// Percentile bootstrap (Efron 1979), both kinds of texts drawn anew each time.
function* resampled({ inScope, outOfScope }: JudgedTexts, random: SeededRandom): Generator<JudgedTexts> {
  const anew = (from: readonly Judged[]): Judged[] =>
    from.map(() => from[random.below(from.length)]).filter((one) => one !== undefined);
  for (let round = 0; round < RESAMPLES; round += 1)
    yield { inScope: anew(inScope), outOfScope: anew(outOfScope) };
}

/** Areas under risk by coverage at a mix, out-of-scope texts counted as wrong: by confidence, by the greatest softmax, and their difference. */
export function areas(texts: JudgedTexts, share: number, random: SeededRandom) {
  const answers = (from: JudgedTexts, trust: (one: Judged) => number) =>
    weighed(from, share).map((one) => ({
      trust: trust(one),
      wrong: one.isOut || !one.right,
      weight: one.weight,
    }));
  const both = (from: JudgedTexts): { ours: number; plain: number } => ({
    ours: areaUnderRisk(answers(from, ({ confidence }) => confidence)),
    plain: areaUnderRisk(answers(from, ({ plain }) => plain)),
  });
  const found = both(texts);
  const others = [...resampled(texts, random)].map(both);
  return {
    ours: spanned(
      found.ours,
      others.map(({ ours }) => ours),
    ),
    plain: spanned(
      found.plain,
      others.map(({ plain }) => plain),
    ),
    difference: spanned(
      found.ours - found.plain,
      others.map(({ ours, plain }) => ours - plain),
    ),
    excess: rounded(excessAreaUnderRisk(answers(texts, ({ confidence }) => confidence))),
  };
}

function weighed({ inScope, outOfScope }: JudgedTexts, share: number): Weighed[] {
  const weights = mixWeights({ inScope: inScope.length, outOfScope: outOfScope.length }, share);
  return [
    ...inScope.map((one) => ({ ...one, isOut: false, weight: weights.inScope })),
    ...outOfScope.map((one) => ({ ...one, isOut: true, weight: weights.outOfScope })),
  ];
}

/** Thresholds certified with all texts for the true shares, as a recipe does, and what they send on of texts drawn anew. */
export function whole(
  texts: JudgedTexts,
  settings: TrialSettings & { readonly areaMix: number },
  random: SeededRandom,
) {
  const found = certify(texts, settings);
  const kept = keptShares(texts, keptBy(found));
  const offloads = [...resampled(texts, random)].map((drawn) =>
    offloadOf(keptShares(drawn, keptBy(found)), settings.areaMix),
  );
  return {
    certified: found.certified,
    ...kept,
    offload: spanned(offloadOf(kept, settings.areaMix), offloads),
  };
}

const GRID = Array.from({ length: 1000 }, (_, step) => 1 / (1 + Math.exp(-(9 - step / 100))));

/**
 * What rules would do that know the true shares: `exact` keeps the bound on wrong answers on all texts and no better, `held` is the loosest
 * that keeps it on nine of ten halves. No rule that learns from one half can send on less than the second and hold as often.
 */
export function oracles(
  { inScope, outOfScope }: JudgedTexts,
  settings: TrialSettings & { readonly areaMix: number },
  { random, trials }: { readonly random: SeededRandom; readonly trials: number },
) {
  const groups = Array.from({ length: trials }, () =>
    halves(inScope.length, random)[1]
      .map((index) => inScope[index])
      .filter((one) => one !== undefined),
  );
  const judged = (confidence: number) => {
    const isKept = keptBy({ confidence, outOfScope: 1 });
    const within = groups.filter(
      (half) => keptShares({ inScope: half, outOfScope }, isKept).wrong <= settings.bound.wrongKept,
    );
    const kept = keptShares({ inScope, outOfScope }, isKept);
    return {
      held: within.length / trials,
      wrong: rounded(kept.wrong),
      inScope: rounded(kept.inScope),
      offload: rounded(offloadOf(kept, settings.areaMix)),
    };
  };
  const loosest = (isGood: (confidence: number) => boolean): number => GRID.findLast(isGood) ?? 1;
  const wrongAt = (confidence: number): number =>
    keptShares({ inScope, outOfScope }, keptBy({ confidence, outOfScope: 1 })).wrong;
  return {
    exact: judged(loosest((confidence) => wrongAt(confidence) <= settings.bound.wrongKept)),
    held: judged(loosest((confidence) => judged(confidence).held >= HELD)),
  };
}
