/**
 * Owns how logits become a decision: calibrated confidence, out-of-scope score, verdict. Pure; the thresholds are part of the model.
 */
import type { FoundEntity, Manifest, Verdict } from '@nanofleet/protocol';
import { argMax, logSumExp } from './metrics.ts';

/** A model's answer to one input. */
export interface Scored {
  readonly label: string;
  readonly labelIndex: number;
  /** Calibrated probability of the label, 0..1. */
  readonly confidence: number;
  /** 0..1; higher means "rather none of the labels". */
  readonly outOfScope: number;
  readonly verdict: Verdict;
  /** Raw logits, one per label. */
  readonly logits: Float32Array;
  /** In order of their places; absent when the model finds none. */
  readonly entities?: readonly FoundEntity[];
}

type ScoringParameters = Pick<Manifest, 'calibration' | 'thresholds'> & {
  readonly labels: readonly string[];
};

/** Turns one row of logits into a decision. */
export function scoreLogits(
  logits: Float32Array,
  { calibration, thresholds, labels }: ScoringParameters,
): Scored {
  const labelIndex = argMax(logits);
  const confidence = finiteOr(confidenceOf(logits, { labelIndex, temperature: calibration.temperature }), 0);
  const outOfScope = finiteOr(outOfScopeOf(logits, { labelIndex, confidence, calibration }), 1);
  return {
    label: labels[labelIndex] ?? '',
    labelIndex,
    confidence,
    outOfScope,
    verdict: verdictOf({ confidence, outOfScope, labelIndex, thresholds }),
    logits,
  };
}

/** The answer to an input that holds nothing the model could know, such as a text without a single letter of its alphabet. */
export const nothingScored = (logits: Float32Array, parameters: ScoringParameters): Scored => ({
  ...scoreLogits(logits, parameters),
  confidence: 0,
  outOfScope: 1,
  verdict: 'out-of-scope',
});

/** A model whose logits are not numbers knows nothing: not sure of anything, out of scope. */
const finiteOr = (value: number, otherwise: number): number => (Number.isFinite(value) ? value : otherwise);

/** Probability of the greatest logit: one pass, where a softmax over all labels would need two and a buffer. */
function confidenceOf(logits: Float32Array, options: { labelIndex: number; temperature: number }): number {
  const highest = logits[options.labelIndex] ?? 0;
  let sum = 0;
  for (let at = 0; at < logits.length; at += 1)
    sum += Math.exp(((logits[at] ?? 0) - highest) / options.temperature);
  return 1 / sum;
}

function outOfScopeOf(
  logits: Float32Array,
  options: { labelIndex: number; confidence: number; calibration: Manifest['calibration'] },
): number {
  const { kind, scale, bias } = options.calibration.outOfScope;
  const raw = rawScope(logits, { kind, ...options });
  return 1 / (1 + Math.exp(-(scale * raw + bias)));
}

type ScopeKind = Manifest['calibration']['outOfScope']['kind'];

function rawScope(
  logits: Float32Array,
  options: { kind: ScopeKind; labelIndex: number; confidence: number },
): number {
  switch (options.kind) {
    case 'max-logit':
      return logits[options.labelIndex] ?? 0;
    case 'energy':
      return logSumExp(logits);
    case 'max-probability':
      return options.confidence;
  }
}

function verdictOf(options: {
  confidence: number;
  outOfScope: number;
  labelIndex: number;
  thresholds: Manifest['thresholds'];
}): Verdict {
  const { confidence, outOfScope, labelIndex, thresholds } = options;
  if (outOfScope >= thresholds.outOfScope) return 'out-of-scope';
  return confidence >= (thresholds.confidence[labelIndex] ?? 1) ? 'sure' : 'unsure';
}
