// One trial of a stated bound: thresholds from one half of the texts, judged on the other. It loads no model and reads no file.
import type { SeededRandom } from '@nanofleet/forge';
import {
  areaUnderRisk,
  type CalibrationTexts,
  calibrateForBound,
  excessAreaUnderRisk,
  mixWeights,
  type Scored,
  type StatedBound,
  scoreLogits,
  softmax,
} from '@nanofleet/runtime';

/** Kept texts of each kind, of a rule; shares 0..1. */
export interface KeptShares {
  /** Wrong among kept in-scope texts. */
  readonly wrong: number;
  readonly inScope: number;
  readonly outOfScope: number;
}

/** What a trial found. */
export interface Trial {
  readonly certified: boolean;
  /** On the whole other half. */
  readonly kept: KeptShares;
  /** On all texts, with thresholds from as many texts drawn from all of them: what the bound promises, without chance in the judging. */
  readonly everywhere: KeptShares;
  /** For each mix, texts drawn from the other half in its proportions. */
  readonly drawn: readonly KeptShares[];
  /** One threshold on the greatest softmax, the loosest with which the first half looked as if it kept the bound. */
  readonly plain: KeptShares;
  /** Areas under risk by coverage at the mix, out-of-scope texts counted as wrong. */
  readonly area: {
    readonly ours: number;
    readonly plain: number;
    readonly margin: number;
    readonly excess: number;
  };
}

interface Judged {
  readonly confidence: number;
  readonly plain: number;
  readonly margin: number;
  readonly sure: boolean;
  readonly right: boolean;
}

interface Half {
  readonly inScope: readonly Judged[];
  readonly outOfScope: readonly Judged[];
}

/** What all trials share. */
export interface TrialSettings {
  readonly labels: readonly string[];
  readonly bound: StatedBound;
  readonly coverage: { readonly inScope: number; readonly sure: number };
  /** Out-of-scope shares of the mixes, and that of the areas. */
  readonly mixes: readonly number[];
  readonly areaMix: number;
}

/** Splits at random, fits, judges. */
export function trial(texts: CalibrationTexts, settings: TrialSettings, random: SeededRandom): Trial {
  const [inFirst, inSecond] = halves(texts.inScope.length, random);
  const [outFirst, outSecond] = halves(texts.outOfScope.length, random);
  const first = picked(texts, { inScope: inFirst, outOfScope: outFirst });
  const second = picked(texts, { inScope: inSecond, outOfScope: outSecond });
  const fitted = calibrateForBound(first, settings.labels, settings);
  const judge = (of: CalibrationTexts): Half => judged(of, { ...fitted, labels: settings.labels });
  const other = judge(second);
  const drawnTexts = picked(texts, {
    inScope: inFirst.map(() => random.below(texts.inScope.length)),
    outOfScope: outFirst.map(() => random.below(texts.outOfScope.length)),
  });
  const drawnFit = calibrateForBound(drawnTexts, settings.labels, settings);
  const all = judged(texts, { ...drawnFit, labels: settings.labels });
  const from = plainThreshold(judge(first), settings.bound);
  return {
    certified: fitted.certified.certified,
    kept: keptShares(other, ({ sure }) => sure),
    everywhere: keptShares(all, ({ sure }) => sure),
    drawn: settings.mixes.map((share) => keptShares(mixed(other, { share, random }), ({ sure }) => sure)),
    plain: keptShares(other, ({ plain }) => plain >= from),
    area: areas(other, settings.areaMix),
  };
}

function halves(count: number, random: SeededRandom): [number[], number[]] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  const middle = Math.floor(count / 2);
  return [order.slice(0, middle), order.slice(middle)];
}

const at = (rows: readonly Float32Array[], index: number): Float32Array => rows[index] ?? new Float32Array();

function picked(
  texts: CalibrationTexts,
  of: { readonly inScope: readonly number[]; readonly outOfScope: readonly number[] },
): CalibrationTexts {
  return {
    inScope: of.inScope.map((index) => at(texts.inScope, index)),
    gold: Int32Array.from(of.inScope, (index) => texts.gold[index] ?? -1),
    outOfScope: of.outOfScope.map((index) => at(texts.outOfScope, index)),
  };
}

function judged(texts: CalibrationTexts, scoring: Parameters<typeof scoreLogits>[1]): Half {
  const one = (logits: Float32Array, gold: number): Judged => {
    const scored: Scored = scoreLogits(logits, scoring);
    const [best = 0, second = 0] = softmax(logits, scoring.calibration.temperature).toSorted((a, b) => b - a);
    return {
      confidence: scored.confidence,
      plain: Math.max(...softmax(logits)),
      margin: best - second,
      sure: scored.verdict === 'sure',
      right: scored.labelIndex === gold,
    };
  };
  return {
    inScope: texts.inScope.map((logits, index) => one(logits, texts.gold[index] ?? -1)),
    outOfScope: texts.outOfScope.map((logits) => one(logits, -1)),
  };
}

const MIX_TEXTS = 1500;

function mixed(
  half: Half,
  { share, random }: { readonly share: number; readonly random: SeededRandom },
): Half {
  const drawn = (from: readonly Judged[], count: number): Judged[] =>
    Array.from({ length: count }, () => from[random.below(from.length)]).filter((one) => one !== undefined);
  const outOfScope = Math.round(share * MIX_TEXTS);
  return {
    inScope: drawn(half.inScope, MIX_TEXTS - outOfScope),
    outOfScope: drawn(half.outOfScope, outOfScope),
  };
}

function keptShares({ inScope, outOfScope }: Half, isKept: (one: Judged) => boolean): KeptShares {
  const kept = inScope.filter(isKept);
  return {
    wrong: kept.length === 0 ? 0 : kept.filter(({ right }) => !right).length / kept.length,
    inScope: kept.length / inScope.length,
    outOfScope: outOfScope.filter(isKept).length / outOfScope.length,
  };
}

const PLAIN_STEPS = 400;

function plainThreshold(half: Half, bound: StatedBound): number {
  for (let step = 0; step < PLAIN_STEPS; step += 1) {
    const from = step / PLAIN_STEPS;
    const { wrong, outOfScope } = keptShares(half, ({ plain }) => plain >= from);
    if (wrong <= bound.wrongKept && outOfScope <= bound.outOfScopeKept) return from;
  }
  return 1;
}

function areas({ inScope, outOfScope }: Half, share: number): Trial['area'] {
  const weights = mixWeights({ inScope: inScope.length, outOfScope: outOfScope.length }, share);
  const answers = (trust: (one: Judged) => number) => [
    ...inScope.map((one) => ({ trust: trust(one), wrong: !one.right, weight: weights.inScope })),
    ...outOfScope.map((one) => ({ trust: trust(one), wrong: true, weight: weights.outOfScope })),
  ];
  const ours = answers(({ confidence }) => confidence);
  return {
    ours: areaUnderRisk(ours),
    excess: excessAreaUnderRisk(ours),
    plain: areaUnderRisk(answers(({ plain }) => plain)),
    margin: areaUnderRisk(answers(({ margin }) => margin)),
  };
}
