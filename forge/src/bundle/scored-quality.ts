// Owns the figures of a manifest that follow from logits and a model's own scoring. It never runs a model.
import type { Manifest } from '@nanofleet/protocol';
import { accuracy, auroc, expectedCalibrationError, fpr95, scoreLogits } from '@nanofleet/runtime';

/** Logits of inputs that nothing was trained on: those with a label, which is beside them, and those of no label, if there are any. */
export interface JudgedLogits {
  readonly inScope: readonly Float32Array[];
  readonly gold: ArrayLike<number>;
  readonly outOfScope: readonly Float32Array[];
}

/** Shares, 0..1; those about inputs of no label are absent where none were judged. */
export interface ScoredQuality {
  readonly accuracy: number;
  readonly expectedCalibrationError: number;
  readonly auroc?: number;
  readonly fpr95?: number;
}

/** The figures of judged logits. */
export function scoredQuality(
  { inScope, gold, outOfScope }: JudgedLogits,
  scoring: Pick<Manifest, 'calibration' | 'thresholds'> & { readonly labels: readonly string[] },
): ScoredQuality {
  const scored = inScope.map((logits) => scoreLogits(logits, scoring));
  const groups = {
    inScope: scored.map((one) => one.outOfScope),
    outOfScope: outOfScope.map((logits) => scoreLogits(logits, scoring).outOfScope),
  };
  return {
    accuracy: accuracy(
      scored.map(({ labelIndex }) => labelIndex),
      gold,
    ),
    expectedCalibrationError: expectedCalibrationError(
      scored.map(({ confidence }) => confidence),
      scored.map(({ labelIndex }, at) => labelIndex === gold[at]),
    ),
    ...(outOfScope.length === 0 ? {} : { auroc: auroc(groups), fpr95: fpr95(groups) }),
  };
}
