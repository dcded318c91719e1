/**
 * Owns how a rule that keeps some answers and sends the others on is judged: risk by coverage, the area below, what must be sent,
 * harm apart from cost. Weights say how often each text occurs, so that a mix may differ from the sample. Pure.
 */
import { assert } from '@nanofleet/protocol';

/** One answer: how far it is trusted, whether it is wrong (out-of-scope texts always are), and its weight in the mix. */
export interface WeighedAnswer {
  readonly trust: number;
  readonly wrong: boolean;
  readonly weight: number;
}

/** The share of texts kept, and the share of wrong ones among these. */
export interface RiskAtCoverage {
  readonly coverage: number;
  readonly risk: number;
}

/** Weights with which `inScope` and `outOfScope` texts make up a mix of 1 with the given share out of scope. */
export function mixWeights(
  { inScope, outOfScope }: { readonly inScope: number; readonly outOfScope: number },
  share: number,
): { inScope: number; outOfScope: number } {
  assert(inScope > 0 && outOfScope > 0 && share >= 0 && share <= 1, 'texts of both kinds and a share');
  return { inScope: (1 - share) / inScope, outOfScope: share / outOfScope };
}

interface Tie {
  readonly trust: number;
  weight: number;
  wrong: number;
  count: number;
}

// Most trusted first, equals together: a rule cannot keep one of them and not the other.
function ties(answers: readonly WeighedAnswer[]): Tie[] {
  const found: Tie[] = [];
  for (const { trust, wrong, weight } of answers.toSorted((a, b) => b.trust - a.trust)) {
    const last = found.at(-1);
    const tie = last?.trust === trust ? last : { trust, weight: 0, wrong: 0, count: 0 };
    if (tie !== last) found.push(tie);
    tie.weight += weight;
    tie.wrong += wrong ? weight : 0;
    tie.count += 1;
  }
  return found;
}

/** The curve, from the most trusted answers to all; one point for each value of trust. */
export function riskCoverage(answers: readonly WeighedAnswer[]): RiskAtCoverage[] {
  const total = answers.reduce((sum, { weight }) => sum + weight, 0);
  let [kept, wrong] = [0, 0];
  return ties(answers).map((tie) => {
    kept += tie.weight;
    wrong += tie.wrong;
    return { coverage: kept / total, risk: wrong / kept };
  });
}

/** Area under the risk-coverage curve (Geifman et al. 2019), 0..1: the mean, over the answers, of the risk when all at least as trusted are kept. */
export function areaUnderRisk(answers: readonly WeighedAnswer[]): number {
  assert(answers.length > 0, 'answers to judge');
  let [kept, wrong, area] = [0, 0, 0];
  for (const tie of ties(answers)) {
    const [weight, error] = [tie.weight / tie.count, tie.wrong / tie.count];
    for (let member = 0; member < tie.count; member += 1) {
      kept += weight;
      wrong += error;
      area += weight * (wrong / kept);
    }
  }
  return area / kept;
}

/** What of the area a perfect order of the same answers would save. */
export const excessAreaUnderRisk = (answers: readonly WeighedAnswer[]): number =>
  areaUnderRisk(answers) - areaUnderRisk(answers.map((one) => ({ ...one, trust: one.wrong ? 0 : 1 })));

/** The least share to send on for `accuracy` of all, if what is sent comes back right; 0..1. */
export function offloadNeeded(answers: readonly WeighedAnswer[], accuracy: number): number {
  const within = riskCoverage(answers).filter(
    ({ coverage, risk }) => coverage * risk <= 1 - accuracy + 1e-12,
  );
  return 1 - (within.at(-1)?.coverage ?? 0);
}

/** What a rule does to a mix; shares of all texts. */
export interface Kept {
  /** Sent on. */
  readonly offload: number;
  /** Kept although wrong: the harm. */
  readonly wronglyKept: number;
  /** Sent although right: the cost. */
  readonly needlesslySent: number;
}

/** Judges the rule that keeps what is trusted at least `from`. */
export function keptFrom(answers: readonly WeighedAnswer[], from: number): Kept {
  let [total, offload, wronglyKept, needlesslySent] = [0, 0, 0, 0];
  for (const { trust, wrong, weight } of answers) {
    total += weight;
    if (trust < from) offload += weight;
    if (trust >= from && wrong) wronglyKept += weight;
    if (trust < from && !wrong) needlesslySent += weight;
  }
  return {
    offload: offload / total,
    wronglyKept: wronglyKept / total,
    needlesslySent: needlesslySent / total,
  };
}
