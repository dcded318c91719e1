/**
 * Owns how a text bundle is judged on labelled examples, apart for labels that it had before, labels that are new, and
 * texts out of scope. Pure arithmetic over what a model computed; runs no model.
 */
import type { Manifest, RoundAccuracy } from '@nanofleet/protocol';
import { auroc, expectedCalibrationError, fpr95 } from '../metrics.ts';
import { nothingScored, type Scored, scoreLogits } from '../scoring.ts';
import { type LabelledExample, OUT_OF_SCOPE_LABEL } from './examples.ts';

/** An example with what a model computed for it. */
export interface ComputedExample extends LabelledExample {
  readonly logits: Float32Array;
  /** Whether the text holds anything of the model's alphabet. */
  readonly isEmpty: boolean;
}

/** How logits become decisions. */
export type Scoring = Pick<Manifest, 'calibration' | 'thresholds'> & { readonly labels: readonly string[] };

interface Judged extends LabelledExample {
  readonly scored: Scored;
}

const judged = (examples: readonly ComputedExample[], scoring: Scoring): Judged[] =>
  examples.map(({ intent, isEmpty, logits, text }) => ({
    intent,
    text,
    scored: isEmpty ? nothingScored(logits, scoring) : scoreLogits(logits, scoring),
  }));

const isRight = ({ intent, scored }: Judged): boolean => scored.label === intent;
const isSure = ({ scored }: Judged): boolean => scored.verdict === 'sure';
const isInScope = ({ intent }: LabelledExample): boolean => intent !== OUT_OF_SCOPE_LABEL;

const share = <E>(all: readonly E[], test: (one: E) => boolean): number | null =>
  all.length === 0 ? null : all.filter(test).length / all.length;

/** Accuracy by kind of label. @param added labels that the parent did not have */
export function accuracyBy(
  examples: readonly ComputedExample[],
  { added, scoring }: { added: readonly string[]; scoring: Scoring },
): RoundAccuracy {
  const all = judged(examples, scoring);
  const inScope = all.filter(isInScope);
  const isAdded = ({ intent }: Judged): boolean => added.includes(intent);
  return {
    all: share(inScope, isRight),
    old: share(
      inScope.filter((one) => !isAdded(one)),
      isRight,
    ),
    added: share(inScope.filter(isAdded), isRight),
    outOfScope: share(
      all.filter((one) => !isInScope(one)),
      (one) => !isSure(one),
    ),
    sure: share(inScope, isSure),
  };
}

/** Texts and right answers of each label that has an example. */
export function rightByLabel(
  examples: readonly ComputedExample[],
  scoring: Scoring,
): Map<string, { texts: number; right: number }> {
  const tally = new Map<string, { texts: number; right: number }>();
  for (const one of judged(examples, scoring).filter(isInScope)) {
    const { right, texts } = tally.get(one.intent) ?? { texts: 0, right: 0 };
    tally.set(one.intent, { texts: texts + 1, right: right + (isRight(one) ? 1 : 0) });
  }
  return tally;
}

/** Figures of a manifest's `quality`, over examples that nothing was fitted to. */
export interface JudgedQuality {
  readonly accuracy: number;
  readonly expectedCalibrationError: number;
  readonly auroc?: number;
  readonly fpr95?: number;
}

const rounded = (value: number): number => Number(value.toFixed(6));

/** The quality that a manifest states; there must be an example in scope. */
export function qualityOf(examples: readonly ComputedExample[], scoring: Scoring): JudgedQuality {
  const all = judged(examples, scoring);
  const inScope = all.filter(isInScope);
  const groups = {
    inScope: inScope.map(({ scored }) => scored.outOfScope),
    outOfScope: all.filter((one) => !isInScope(one)).map(({ scored }) => scored.outOfScope),
  };
  const confidences = inScope.map(({ scored }) => scored.confidence);
  return {
    accuracy: rounded(share(inScope, isRight) ?? 0),
    expectedCalibrationError: rounded(expectedCalibrationError(confidences, inScope.map(isRight))),
    ...(groups.outOfScope.length === 0
      ? {}
      : { auroc: rounded(auroc(groups)), fpr95: rounded(fpr95(groups)) }),
  };
}

/** How many examples were kept, and how many of them break what a bound promises. */
export interface KeptCounts {
  /** In-scope examples that are answered as sure; hits are answered wrong. */
  readonly wrongKept: { readonly count: number; readonly hits: number };
  /** Out-of-scope examples; hits are answered as sure. */
  readonly outOfScopeKept: { readonly count: number; readonly hits: number };
}

/** What a bound is about, counted on examples. */
export function keptCounts(examples: readonly ComputedExample[], scoring: Scoring): KeptCounts {
  const all = judged(examples, scoring);
  const kept = all.filter((one) => isInScope(one) && isSure(one));
  const outOfScope = all.filter((one) => !isInScope(one));
  return {
    wrongKept: { count: kept.length, hits: kept.filter((one) => !isRight(one)).length },
    outOfScopeKept: { count: outOfScope.length, hits: outOfScope.filter(isSure).length },
  };
}
