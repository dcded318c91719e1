/**
 * Owns what thresholds a candidate gets from an operator's examples: those that keep the bound of its parent, certified anew, or, where
 * the examples cannot show that, thresholds by which it answers by itself as much as its parent and keeps no more out-of-scope texts,
 * without a bound. Pure; never runs a model.
 */
import { NanofleetError } from '@nanofleet/protocol';
import { type CalibrationTexts, type Coverage, calibrate, calibrateForBound } from '../calibration.ts';
import { shortfallOf } from '../certify.ts';
import { nothingScored, type Scored, scoreLogits } from '../scoring.ts';
import { OUT_OF_SCOPE_LABEL } from './examples.ts';
import type { ComputedExample, Scoring } from './judge.ts';

/** Least shares of in-scope examples that pass each threshold: below them a candidate would ask about nearly everything. */
const COVERAGE_MIN = { inScope: 0.5, sure: 0.4 };

/** The same examples, which neither model has learned from, as both computed them. */
export interface BothComputed {
  readonly parent: readonly ComputedExample[];
  readonly candidate: readonly ComputedExample[];
}

/** How a candidate scores, and why it promises less than its parent. */
export interface CandidateScoring {
  readonly scoring: Scoring;
  /** In words; null when it promises what its parent does. */
  readonly shortfall: string | null;
}

/**
 * Thresholds of a candidate.
 * @param names the parent's labels, then the added ones
 * @throws NanofleetError EXAMPLES_TOO_FEW when none is in scope
 */
export function candidateScoring(
  examples: BothComputed,
  { names, parent }: { readonly names: readonly string[]; readonly parent: Scoring },
): CandidateScoring {
  const texts = textsOf(examples.candidate, names);
  const coverage = coverageOf(examples.parent, parent);
  const { bound } = parent.thresholds;
  if (bound === undefined)
    return { scoring: uncertified(texts, { examples, names, parent, coverage }), shortfall: null };
  const { calibration, certified, thresholds } = calibrateForBound(texts, names, { coverage, bound });
  if (certified.certified) return { scoring: { calibration, thresholds, labels: names }, shortfall: null };
  return {
    scoring: uncertified(texts, { examples, names, parent, coverage }),
    shortfall: shortfallOf(bound, certified),
  };
}

interface Uncertified {
  readonly examples: BothComputed;
  readonly names: readonly string[];
  readonly parent: Scoring;
  readonly coverage: Coverage;
}

function uncertified(texts: CalibrationTexts, { coverage, examples, names, parent }: Uncertified): Scoring {
  const loose = { ...calibrate(texts, names, coverage), labels: names };
  const allowed = outOfScopeKept(examples.parent, parent).length;
  const kept = outOfScopeKept(examples.candidate, loose);
  if (kept.length <= allowed) return loose;
  // By their own score: raising the confidence instead kept fewer texts in scope.
  const scores = kept.map(({ outOfScope }) => outOfScope).toSorted((x, y) => x - y);
  const outOfScope = scores[allowed] ?? loose.thresholds.outOfScope;
  return { ...loose, thresholds: { ...loose.thresholds, outOfScope } };
}

const scoredOf = ({ isEmpty, logits }: ComputedExample, scoring: Scoring): Scored =>
  (isEmpty ? nothingScored : scoreLogits)(logits, scoring);

const isOutOfScope = ({ intent }: ComputedExample): boolean => intent === OUT_OF_SCOPE_LABEL;

const outOfScopeKept = (examples: readonly ComputedExample[], scoring: Scoring): Scored[] =>
  examples
    .filter(isOutOfScope)
    .map((example) => scoredOf(example, scoring))
    .filter(({ verdict }) => verdict === 'sure');

/**
 * What the parent lets pass of the examples that it knows: the candidate shall answer by itself as much as its parent, not more. A fixed
 * share would loosen every threshold where the operator's examples are harder than the ones that the parent was calibrated on: of
 * out-of-scope sentences of the story 54 % instead of 87 % were then sent on.
 */
function coverageOf(examples: readonly ComputedExample[], scoring: Scoring): Coverage {
  const verdicts = examples
    .filter(({ intent }) => scoring.labels.includes(intent))
    .map((example) => scoredOf(example, scoring).verdict);
  const share = (test: (verdict: Scored['verdict']) => boolean): number =>
    verdicts.filter(test).length / Math.max(1, verdicts.length);
  const inScope = Math.max(
    COVERAGE_MIN.inScope,
    share((verdict) => verdict !== 'out-of-scope'),
  );
  const sure = Math.max(
    COVERAGE_MIN.sure,
    share((verdict) => verdict === 'sure'),
  );
  return { inScope, sure: Math.min(sure, inScope) };
}

function textsOf(examples: readonly ComputedExample[], names: readonly string[]): CalibrationTexts {
  const inScope = examples.filter((example) => !isOutOfScope(example));
  if (inScope.length === 0) {
    throw new NanofleetError(
      'EXAMPLES_TOO_FEW',
      'There is no example in scope to calibrate with; half of the examples do that. Give more.',
    );
  }
  return {
    inScope: inScope.map(({ logits }) => logits),
    gold: Int32Array.from(inScope, ({ intent }) => names.indexOf(intent)),
    outOfScope: examples.filter(isOutOfScope).map(({ logits }) => logits),
  };
}
