/**
 * Whether the model of a wave is good enough, of what its devices count against what devices without it count. Pure.
 * The strongest signal is paired: the same inputs, run by both models, and where they differ a bigger tier says who is
 * right. The others compare how much a device has changed against its own past with how much the control devices have.
 * The unit is the device: what one home says over and over is one opinion. Bounds hold at every look together
 * (`evidence.plan.ts`), so that a rollout may be watched and stopped at any time.
 */
import type { GateSignal, GateView, RolloutGate } from '@nanofleet/protocol';
import { evidenceAbove, evidenceOfLosses, normalOfStudent } from './evidence.plan.ts';
import type { Counts, Tally } from './tally.plan.ts';

/** Fewer devices say nothing about the spread between devices. */
const DEVICES_MIN = 8;
/** A device with fewer decisions says nothing. */
const DECISIONS_MIN = 20;
/** How the bound of a false stop is shared out: the pairs see a worse model long before anything else does. */
const PAIRS_SHARE = 0.4;

type Name = GateSignal['signal'];

interface Measure {
  readonly signal: Exclude<Name, 'pairs'>;
  /** Bigger is worse. */
  readonly of: (counts: Counts) => number;
  /** What it is counted over. */
  readonly weight: keyof Counts;
  readonly margin: (gate: RolloutGate) => number;
  /** A change in either direction counts. */
  readonly isTwoSided?: true;
}

const MEASURES: readonly Measure[] = [
  {
    signal: 'agreement',
    of: ({ agreed, compared }) => 1 - agreed / compared,
    weight: 'compared',
    margin: ({ agreementPoints }) => agreementPoints / 100,
  },
  {
    signal: 'abstain',
    of: ({ decisions, notSure }) => notSure / decisions,
    weight: 'decisions',
    margin: ({ abstainPoints }) => abstainPoints / 100,
  },
  {
    signal: 'offload',
    of: ({ decisions, offloaded }) => offloaded / decisions,
    weight: 'decisions',
    margin: ({ abstainPoints }) => abstainPoints / 100,
  },
  {
    signal: 'errors',
    of: ({ decisions, errors }) => errors / decisions,
    weight: 'decisions',
    margin: ({ errorPoints }) => errorPoints / 100,
  },
  {
    signal: 'latency',
    of: ({ decisions, latency }) => latency / decisions,
    weight: 'decisions',
    margin: ({ latencyPercent }) => Math.log1p(latencyPercent / 100),
  },
  {
    signal: 'score',
    of: ({ decisions, scores }) => scores / decisions,
    weight: 'decisions',
    margin: ({ scoreShift }) => scoreShift,
    isTwoSided: true,
  },
];

interface Spread {
  readonly mean: number;
  /** Of the mean. */
  readonly variance: number;
  readonly devices: number;
}

const spreadOf = (values: readonly number[]): Spread => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) / values.length, devices: values.length };
};

const isEnough = (counts: Counts, { weight }: Measure): boolean => counts[weight] >= DECISIONS_MIN;

/** Values of devices that have counted enough: against their own past where nearly all know it, else as they are. */
const valuesOf = (tallies: readonly Tally[], measure: Measure, isChange: boolean): number[] =>
  tallies
    .filter(({ before, during }) => isEnough(during, measure) && (!isChange || isEnough(before, measure)))
    .map(({ before, during }) => measure.of(during) - (isChange ? measure.of(before) : 0));

const meanOf = (tallies: readonly Tally[], measure: Measure): number | null => {
  const values = tallies
    .filter(({ during }) => during[measure.weight] > 0)
    .map(({ during }) => measure.of(during));
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
};

/** How far the exposed devices went beyond the others; null with too few devices on a side. */
const changeOf = (
  arms: { exposed: readonly Tally[]; control: readonly Tally[] },
  measure: Measure,
): Spread | null => {
  for (const isChange of [true, false]) {
    const exposed = valuesOf(arms.exposed, measure, isChange);
    const control = valuesOf(arms.control, measure, isChange);
    if (exposed.length < DEVICES_MIN || control.length < DEVICES_MIN) continue;
    const [one, other] = [spreadOf(exposed), spreadOf(control)];
    return {
      mean: one.mean - other.mean,
      variance: one.variance + other.variance,
      devices: Math.min(one.devices, other.devices),
    };
  }
  return null;
};

const evidenceOf = ({ devices, mean, variance }: Spread, margin: number): number => {
  const deviation = Math.sqrt(variance);
  if (deviation === 0) return 1;
  const estimate = deviation * normalOfStudent((mean - margin) / deviation, devices - 1);
  return evidenceAbove({ estimate, variance, spread: Math.max(margin, deviation) });
};

const signalOf = (
  arms: { exposed: readonly Tally[]; control: readonly Tally[] },
  measure: Measure,
  { gate, needed }: { gate: RolloutGate; needed: number },
): GateSignal => {
  const margin = measure.margin(gate);
  const change = changeOf(arms, measure);
  const size =
    change === null || measure.isTwoSided === undefined ? change : { ...change, mean: Math.abs(change.mean) };
  return {
    signal: measure.signal,
    exposed: meanOf(arms.exposed, measure),
    control: meanOf(arms.control, measure),
    change: change?.mean ?? null,
    margin,
    // Two directions are two chances of a false stop.
    evidence: size === null ? 1 : evidenceOf(size, margin) / (measure.isTwoSided === undefined ? 1 : 2),
    needed,
  };
};

/** Pairs of all devices together. */
export interface Pairs {
  /** Whether any device runs both models, or is to. */
  readonly isCompared: boolean;
  readonly judged: number;
  readonly wins: number;
  readonly losses: number;
  /** How much more the devices differ from one another than chance would make them; counts are divided by it. */
  readonly design: number;
}

/**
 * Pairs with their design effect (Rao and Scott, "A simple method for the analysis of clustered binary data", Biometrics
 * 48, 1992). Few devices are taken as they are: then it is said of them, and not of the fleet.
 */
export const pairsOf = (tallies: readonly Tally[]): Pairs => {
  const isCompared = tallies.some(({ during }) => during.comparing > 0);
  const devices = tallies.map(({ during }) => during).filter(({ judged }) => judged > 0);
  const sum = (of: (counts: Counts) => number): number =>
    devices.reduce((total, counts) => total + of(counts), 0);
  const judged = sum(({ judged: count }) => count);
  const wins = sum(({ newRight }) => newRight);
  const losses = sum(({ oldRight }) => oldRight);
  if (devices.length < DEVICES_MIN || wins + losses === 0)
    return { isCompared, judged, wins, losses, design: 1 };
  const rate = (losses - wins) / judged;
  const spread = sum((counts) => (counts.oldRight - counts.newRight - rate * counts.judged) ** 2);
  const design = (spread * devices.length) / (devices.length - 1) / (wins + losses);
  return { isCompared, judged, wins, losses, design: Math.max(1, design) };
};

/** The chance of a loss among pairs that differ, where the loss per judged input is `points`. */
const chanceAt = ({ judged, losses, wins }: Pairs, points: number): number =>
  Math.min(1, Math.max(0, 0.5 + (points / 100) * (judged / (2 * (wins + losses)))));

const pairEvidence = (pairs: Pairs, points: number): number =>
  pairs.wins + pairs.losses === 0
    ? 1
    : evidenceOfLosses({
        losses: pairs.losses / pairs.design,
        wins: pairs.wins / pairs.design,
        chance: chanceAt(pairs, points),
      });

/** Evidence that the loss is below `points`: the mirror image. */
const evidenceOfSafety = (pairs: Pairs, points: number): number =>
  pairs.wins + pairs.losses === 0
    ? evidenceOfLosses({ losses: pairs.judged, wins: 0, chance: 1 - points / 100 })
    : evidenceOfLosses({
        losses: pairs.wins / pairs.design,
        wins: pairs.losses / pairs.design,
        chance: 1 - chanceAt(pairs, points),
      });

/** What is known when a gate looks. */
export interface GateInput {
  readonly gate: RolloutGate;
  /** Devices that were given the bundle. */
  readonly exposed: readonly Tally[];
  readonly control: readonly Tally[];
  /** How long the wave has lasted. */
  readonly sinceS: number;
}

/** What a gate finds at one look. */
export type Finding = Pick<GateView, 'verdict' | 'message' | 'devices' | 'decisions' | 'signals'>;

const pairSignal = (pairs: Pairs, { gate, needed }: { gate: RolloutGate; needed: number }): GateSignal => {
  const change = pairs.judged === 0 ? null : (pairs.losses - pairs.wins) / pairs.judged;
  return {
    signal: 'pairs',
    exposed: pairs.judged === 0 ? null : pairs.wins / pairs.judged,
    control: pairs.judged === 0 ? null : pairs.losses / pairs.judged,
    change,
    margin: gate.accuracyPoints / 100,
    evidence: pairEvidence(pairs, gate.accuracyPoints),
    needed,
  };
};

const WORDS: Readonly<Record<Name, string>> = {
  pairs: 'decisions that are right where the models differ',
  agreement: 'agreement with a bigger tier',
  abstain: 'decisions that are not sure',
  offload: 'decisions that are offloaded',
  errors: 'decisions that fail',
  latency: 'time for a decision',
  score: 'scores',
};

const changeText = ({ change, margin, signal }: GateSignal): string => {
  const isFactor = signal === 'latency';
  const points = (value: number): string =>
    isFactor ? `${((Math.exp(value) - 1) * 100).toFixed(0)} %` : `${(value * 100).toFixed(2)} points`;
  return `${WORDS[signal]}: worse by ${points(Math.abs(change ?? 0))}, ${points(margin)} are let pass`;
};

/** Looks once. */
export const judged = ({ control, exposed, gate, sinceS }: GateInput): Finding => {
  const pairs = pairsOf(exposed);
  const needed = {
    pairs: 1 / (gate.falseStop * PAIRS_SHARE),
    other: MEASURES.length / (gate.falseStop * (1 - PAIRS_SHARE)),
  };
  const signals = [
    pairSignal(pairs, { gate, needed: needed.pairs }),
    ...MEASURES.map((measure) => signalOf({ exposed, control }, measure, { gate, needed: needed.other })),
  ];
  const decisions = exposed.reduce((sum, { during }) => sum + during.decisions, 0);
  const counted = { devices: { exposed: exposed.length, control: control.length }, decisions, signals };
  const worst = signals.find(({ evidence, needed: bound }) => evidence >= bound);
  if (worst !== undefined)
    return { ...counted, verdict: 'stopped', message: `The gate found ${changeText(worst)}.` };
  // Where nobody compares the others decide; where devices compare and nobody judges, nothing is shown yet.
  const isSafe = !pairs.isCompared || evidenceOfSafety(pairs, gate.harmPoints) >= 1 / gate.falseStop;
  if (decisions >= gate.decisions && isSafe)
    return {
      ...counted,
      verdict: 'passed',
      message: `${decisions} decisions, and nothing is worse than is let pass.`,
    };
  const verdict = sinceS >= gate.deadlineS ? 'unclear' : 'collecting';
  const missing =
    decisions < gate.decisions
      ? `${decisions} of ${gate.decisions} decisions`
      : `${pairs.judged} judged inputs`;
  return { ...counted, verdict, message: `${missing} so far; that does not decide it yet.` };
};
