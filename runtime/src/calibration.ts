/**
 * Owns how a model's logits become thresholds: temperature, out-of-scope score, and from which confidence on a label counts
 * as sure. All from examples that the model was not trained on. It never runs a model.
 */
import type { ManifestDraft } from '@nanofleet/protocol';
import { type Certified, certify, recordedBound, type StatedBound } from './certify.ts';
import { classOffsets, type DecidedCounts, moved } from './class-offsets.ts';
import { argMax, auroc, fitTemperature, quantile } from './metrics.ts';
import { scoreLogits } from './scoring.ts';

type Calibration = ManifestDraft['calibration'];
type Thresholds = ManifestDraft['thresholds'];

/** What share of in-scope texts each threshold lets pass. */
export interface Coverage {
  /** In-scope texts that are not called out of scope. */
  readonly inScope: number;
  /** In-scope texts that are answered as sure. */
  readonly sure: number;
}

/** Logits of texts that the model was not trained on; `outOfScope` may be empty. */
export interface CalibrationTexts {
  readonly inScope: readonly Float32Array[];
  readonly gold: Int32Array;
  readonly outOfScope: readonly Float32Array[];
}

const KINDS = ['max-logit', 'energy', 'max-probability'] as const;
/** How far a label's own threshold may move from the common one; with 20 texts a label its quantile is half noise. */
const OWN_SHARE_MAX = 0.5;
/** Texts of a label from which on it may; with fewer its share is smaller in proportion. */
const OWN_TEXTS = 20;

/** Fits temperature, out-of-scope score and thresholds. */
export function calibrate(
  texts: CalibrationTexts,
  labels: readonly string[],
  coverage: Coverage,
): { calibration: Calibration; thresholds: Thresholds } {
  const temperature = fitTemperature(texts.inScope, texts.gold);
  const candidates = KINDS.map((kind) => outOfScopeScore(texts, { temperature, kind, labels }));
  const [first, ...others] = candidates;
  const best = others.reduce(
    (chosen, next) => (next.quality > chosen.quality ? next : chosen),
    first ?? fail(),
  );
  const calibration = { temperature, outOfScope: best.score };
  const scored = texts.inScope.map((logits) =>
    scoreLogits(logits, { calibration, thresholds: OPEN, labels }),
  );
  const outOfScope = quantile(
    scored.map((one) => one.outOfScope),
    coverage.inScope,
  );
  const confidence = sureThresholds(
    scored.filter((one) => one.outOfScope <= outOfScope),
    {
      labels: labels.length,
      passing: coverage.sure / coverage.inScope,
    },
  );
  // The verdict is "out of scope" from the threshold on: the text at the quantile itself must still pass.
  return { calibration, thresholds: { confidence, outOfScope: Math.min(1, rounded(outOfScope) + 1e-6) } };
}

/** What thresholds are certified for, and with. */
export interface CertifiedCalibration {
  readonly coverage: Coverage;
  readonly bound: StatedBound;
  /** How the model does on texts apart from those that certify, such as those it learned from; without them all labels have one threshold. */
  readonly apart?: DecidedCounts | undefined;
}

/**
 * Fits for a stated bound: thresholds are certified on the same texts, one for each label. Labels differ by offsets that come from the
 * texts `apart`; one number, the common threshold, is what certifying chooses. Given the offsets, "confidence moved by its label's offset" is one
 * fixed score, and the walk over its threshold (`certify`) is fixed-sequence testing along one family, so nothing is paid for the number
 * of labels, and a poor offset costs coverage, never the bound. Offsets from the certifying texts themselves would break it: on halves
 * the bound then held in 78 to 90 of 100 trials instead of 90 and more.
 */
export function calibrateForBound(
  texts: CalibrationTexts,
  labels: readonly string[],
  { coverage, bound, apart }: CertifiedCalibration,
): { calibration: Calibration; thresholds: Thresholds; certified: Certified } {
  const { calibration } = calibrate(texts, labels, coverage);
  const offsets = apart === undefined ? labels.map(() => 0) : classOffsets(apart);
  const scored = (logits: Float32Array) => {
    const { confidence, ...rest } = scoreLogits(logits, { calibration, thresholds: OPEN, labels });
    return { ...rest, confidence: moved(confidence, -(offsets[rest.labelIndex] ?? 0)) };
  };
  const certified = certify(
    {
      inScope: texts.inScope.map((logits, at) => {
        const { confidence, outOfScope, labelIndex } = scored(logits);
        return { confidence, outOfScope, right: labelIndex === texts.gold[at] };
      }),
      outOfScope: texts.outOfScope.map(scored),
    },
    { bound, coverage },
  );
  const thresholds = {
    confidence: offsets.map((offset) => moved(certified.confidence, offset)),
    outOfScope: certified.outOfScope,
    ...(certified.certified ? { bound: recordedBound(bound, certified) } : {}),
  };
  return { calibration, thresholds, certified };
}

/** Thresholds that let everything pass. */
const OPEN: Thresholds = { confidence: [], outOfScope: 1 };

interface Candidate {
  readonly score: Calibration['outOfScope'];
  readonly quality: number;
}

function fail(): never {
  throw new RangeError('there is a kind of score');
}

// The raw score as 1 / (1 + e^-(scale · raw + bias)), fitted so that the two groups weigh the same.
function outOfScopeScore(
  texts: CalibrationTexts,
  {
    temperature,
    kind,
    labels,
  }: {
    readonly temperature: number;
    readonly kind: (typeof KINDS)[number];
    readonly labels: readonly string[];
  },
): Candidate {
  const raw = (logits: Float32Array): number => {
    const calibration: Calibration = { temperature, outOfScope: { kind, scale: 1, bias: 0 } };
    const { outOfScope } = scoreLogits(logits, { calibration, thresholds: OPEN, labels });
    return Math.log(outOfScope / Math.max(1 - outOfScope, 1e-12));
  };
  const inScope = texts.inScope.map(raw);
  const outOfScope = texts.outOfScope.map(raw);
  const quality =
    outOfScope.length === 0
      ? 0
      : auroc({ inScope: inScope.map((score) => -score), outOfScope: outOfScope.map((score) => -score) });
  return { score: { kind, ...logistic(inScope, outOfScope) }, quality };
}

// Without out-of-scope texts the mean in-scope score maps to 0.02 and its 5 % quantile to 0.5.
function logistic(
  inScope: readonly number[],
  outOfScope: readonly number[],
): { scale: number; bias: number } {
  const high = quantile(inScope, 0.5);
  const low = outOfScope.length === 0 ? quantile(inScope, 0.05) : (quantile(outOfScope, 0.5) + high) / 2;
  const scale = -4 / Math.max(high - low, 1e-6);
  return { scale: rounded(scale), bias: rounded(-scale * low) };
}

function sureThresholds(
  scored: readonly { readonly labelIndex: number; readonly confidence: number }[],
  { labels, passing }: { readonly labels: number; readonly passing: number },
): number[] {
  const own = ownQuantiles(scored, labels, 1 - passing);
  // Shift all thresholds together until the wanted share passes: mixing alone would miss it.
  const gap = scored.map(({ labelIndex, confidence }) => confidence - (own[labelIndex] ?? 0));
  const shift = quantile(gap, 1 - passing);
  return own.map((threshold) => rounded(Math.min(0.999, Math.max(0.05, threshold + shift))));
}

function ownQuantiles(
  scored: readonly { readonly labelIndex: number; readonly confidence: number }[],
  labels: number,
  at: number,
): number[] {
  const common = quantile(
    scored.map(({ confidence }) => confidence),
    at,
  );
  return Array.from({ length: labels }, (_, label) => {
    const confidences = scored
      .filter(({ labelIndex }) => labelIndex === label)
      .map(({ confidence }) => confidence);
    if (confidences.length === 0) return common;
    const share = OWN_SHARE_MAX * Math.min(1, confidences.length / OWN_TEXTS);
    return share * quantile(confidences, at) + (1 - share) * common;
  });
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** Class numbers that rows of logits decide for. */
export function decided(logits: readonly Float32Array[]): Int32Array {
  return Int32Array.from(logits, argMax);
}
