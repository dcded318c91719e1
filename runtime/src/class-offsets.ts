/**
 * Owns how much stricter each label's threshold is than the common one: by how often a model errs where it decides for the label, on
 * texts apart from those that certify. It never sees what it will be judged on.
 */
import { assert } from '@nanofleet/protocol';

/** Of each label: texts decided for it, and those of them that have another label. */
export interface DecidedCounts {
  readonly decided: readonly number[];
  readonly wrong: readonly number[];
}

/** Texts that the common rate of errors counts for beside a label's own (mean of a Beta prior). */
const PRIOR_TEXTS = 100;
/**
 * Part of a label's log-odds of error that its offset is, for a confidence knows much of it by itself: over the seven CLINC150 bundles a quarter
 * and a half sent on 0.2 points less at the same bound than no offsets, the whole 0.2 more (200 halves).
 */
const WEIGHT = 0.25;

/** Offsets of thresholds in log-odds, one per label; all 0 for a model that is never or always wrong on these texts. */
export function classOffsets({ decided, wrong }: DecidedCounts): number[] {
  assert(decided.length === wrong.length, 'both counts of each label');
  const common = total(wrong) / Math.max(1, total(decided));
  if (common <= 0 || common >= 1) return decided.map(() => 0);
  return decided.map((count, label) => {
    const rate = ((wrong[label] ?? 0) + PRIOR_TEXTS * common) / (count + PRIOR_TEXTS);
    return WEIGHT * (logOdds(rate) - logOdds(common));
  });
}

/** A share 0..1 moved by `offset` log-odds; the very share for 0. */
export const moved = (share: number, offset: number): number =>
  offset === 0 ? share : 1 / (1 + Math.exp(-(logOdds(share) + offset)));

const logOdds = (share: number): number => Math.log(share) - Math.log1p(-share);
const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
