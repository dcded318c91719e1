// One trial of a stated bound: thresholds from one half of the texts, judged on the other. It loads no model and reads no file.
import type { SeededRandom } from '@nanofleet/forge';
import {
  type CalibrationTexts,
  type Certified,
  calibrate,
  certify,
  moved,
  type StatedBound,
  scoreLogits,
} from '@nanofleet/runtime';
import { drawn, halves, picked } from './drawn-texts.ts';

/** Kept texts of each kind, of a rule; shares 0..1. */
export interface KeptShares {
  /** Wrong among kept in-scope texts. */
  readonly wrong: number;
  readonly inScope: number;
  readonly outOfScope: number;
}

/** What a trial found. */
export interface Trial {
  /** Thresholds certified for the true shares, on the other half: chance in the judging comes on top of what was promised. */
  readonly shares: KeptShares;
  /** The same on all texts, with thresholds from as many texts drawn from all of them: what was promised. */
  readonly everywhere: KeptShares;
  /** Thresholds certified for what the other half counts, on the other half: what was promised. */
  readonly counted: KeptShares;
  /** The same with one threshold for all labels. */
  readonly common: KeptShares;
  /** As many texts as a recipe has, drawn from all, certified for what half as many count, on half as many drawn from all. */
  readonly recipe: KeptShares;
  /** For each mix, thresholds certified for what so many drawn texts count, on these, and what they send on of the whole half. */
  readonly mixes: readonly { readonly drawn: KeptShares; readonly half: KeptShares }[];
  /** One threshold on the greatest softmax, the loosest with which the first half looked as if it kept the bound. */
  readonly plain: KeptShares;
  /** Whether all of these were certified. */
  readonly certified: boolean;
}

/** A text, as its model sees it. */
export interface Judged {
  /** Calibrated, moved by the offset of its label, so that one threshold is each label's own. */
  readonly confidence: number;
  readonly outOfScope: number;
  /** Greatest softmax without temperature. */
  readonly plain: number;
  readonly right: boolean;
}

/** Texts of both kinds. */
export interface JudgedTexts {
  readonly inScope: readonly Judged[];
  readonly outOfScope: readonly Judged[];
}

/** What all trials share. */
export interface TrialSettings {
  readonly labels: readonly string[];
  /** Of thresholds in log-odds, one per label. */
  readonly offsets: readonly number[];
  readonly bound: StatedBound;
  readonly coverage: { readonly inScope: number; readonly sure: number };
  /** Out-of-scope shares of the mixes, each of so many texts. */
  readonly mixes: readonly number[];
  readonly mixTexts: number;
}

/** Splits at random, fits, judges. */
export function trial(texts: CalibrationTexts, settings: TrialSettings, random: SeededRandom): Trial {
  const [inFirst, inSecond] = halves(texts.inScope.length, random);
  const [outFirst, outSecond] = halves(texts.outOfScope.length, random);
  const first = picked(texts, { inScope: inFirst, outOfScope: outFirst });
  const fitted = calibrate(first, settings.labels, settings.coverage);
  const judge = judging(settings, fitted.calibration);
  const own = judge(first);
  const second = picked(texts, { inScope: inSecond, outOfScope: outSecond });
  const other = judge(second);
  const certified = (next?: StatedBound['next']): Certified =>
    certify(own, { ...settings, bound: { ...settings.bound, next } });
  const shares = certified();
  const next = { inScope: inSecond.length, outOfScope: outSecond.length };
  const counted = certified(next);
  const flat = judging({ labels: settings.labels, offsets: [] }, fitted.calibration);
  const common = certify(flat(first), { ...settings, bound: { ...settings.bound, next } });
  const mixes = settings.mixes.map((share) => {
    const outOfScope = Math.round(share * settings.mixTexts);
    const drawing = { inScope: settings.mixTexts - outOfScope, outOfScope };
    const found = certified(drawing);
    const some = {
      inScope: drawn(other.inScope, drawing.inScope, random),
      outOfScope: drawn(other.outOfScope, outOfScope, random),
    };
    return {
      certified: found.certified,
      drawn: keptShares(some, keptBy(found)),
      half: keptShares(other, keptBy(found)),
    };
  });
  const from = plainThreshold(own, settings.bound);
  return {
    shares: keptShares(other, keptBy(shares)),
    everywhere: everywhere(texts, settings, random),
    counted: keptShares(other, keptBy(counted)),
    common: keptShares(flat(second), keptBy(common)),
    recipe: recipe(texts, settings, random),
    mixes,
    plain: keptShares(other, ({ plain }) => plain >= from),
    certified: [shares, counted, common, ...mixes].every((one) => one.certified),
  };
}

function everywhere(texts: CalibrationTexts, settings: TrialSettings, random: SeededRandom): KeptShares {
  const { fitted, judge } = fittedAnew(texts, { ...settings, part: 0.5 }, random);
  return keptShares(judge(texts), keptBy(fitted(settings.bound)));
}

function recipe(texts: CalibrationTexts, settings: TrialSettings, random: SeededRandom): KeptShares {
  const { fitted, judge } = fittedAnew(texts, { ...settings, part: 1 }, random);
  const next = anew(texts, 0.5, random);
  const counts = { inScope: next.inScope.length, outOfScope: next.outOfScope.length };
  return keptShares(judge(next), keptBy(fitted({ ...settings.bound, next: counts })));
}

/** So large a part of the texts, each drawn from all of them: as if they were a population. */
function anew(texts: CalibrationTexts, part: number, random: SeededRandom): CalibrationTexts {
  const some = (from: readonly unknown[]): number[] =>
    Array.from({ length: Math.floor(part * from.length) }, () => random.below(from.length));
  return picked(texts, { inScope: some(texts.inScope), outOfScope: some(texts.outOfScope) });
}

function fittedAnew(
  texts: CalibrationTexts,
  { labels, offsets, coverage, part }: TrialSettings & { readonly part: number },
  random: SeededRandom,
) {
  const calibrating = anew(texts, part, random);
  const judge = judging({ labels, offsets }, calibrate(calibrating, labels, coverage).calibration);
  const seen = judge(calibrating);
  return { judge, fitted: (bound: StatedBound): Certified => certify(seen, { bound, coverage }) };
}

/** Gives a function that sees texts as a model with these labels and this calibration does; without offsets, with none. */
export function judging(
  { labels, offsets }: Pick<TrialSettings, 'labels' | 'offsets'>,
  calibration: Parameters<typeof scoreLogits>[1]['calibration'],
): (texts: CalibrationTexts) => JudgedTexts {
  const thresholds = { confidence: [], outOfScope: 1 };
  const one = (logits: Float32Array, gold: number): Judged => {
    const { confidence, outOfScope, labelIndex } = scoreLogits(logits, { calibration, thresholds, labels });
    const highest = logits[labelIndex] ?? 0;
    const plain = 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
    return {
      confidence: moved(confidence, -(offsets[labelIndex] ?? 0)),
      outOfScope,
      plain,
      right: labelIndex === gold,
    };
  };
  return (texts) => ({
    inScope: texts.inScope.map((logits, index) => one(logits, texts.gold[index] ?? -1)),
    outOfScope: texts.outOfScope.map((logits) => one(logits, -1)),
  });
}

/** The rule that devices follow. */
export const keptBy =
  (thresholds: { readonly confidence: number; readonly outOfScope: number }) =>
  (one: Judged): boolean =>
    one.outOfScope < thresholds.outOfScope && one.confidence >= thresholds.confidence;

/** What a rule keeps. */
export function keptShares(
  { inScope, outOfScope }: JudgedTexts,
  isKept: (one: Judged) => boolean,
): KeptShares {
  const kept = inScope.filter(isKept);
  return {
    wrong: kept.length === 0 ? 0 : kept.filter(({ right }) => !right).length / kept.length,
    inScope: kept.length / inScope.length,
    outOfScope: outOfScope.filter(isKept).length / outOfScope.length,
  };
}

const PLAIN_STEPS = 400;

function plainThreshold(half: JudgedTexts, bound: StatedBound): number {
  for (let step = 0; step < PLAIN_STEPS; step += 1) {
    const from = step / PLAIN_STEPS;
    const { wrong, outOfScope } = keptShares(half, ({ plain }) => plain >= from);
    if (wrong <= bound.wrongKept && outOfScope <= bound.outOfScopeKept) return from;
  }
  return 1;
}
