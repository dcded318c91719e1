/**
 * Owns the scoring rule of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, section III; Ahmad, Lavin, Purdy and Agha 2017): what an
 * alarm at a sample is worth, and what a detector gets over many series. Pure arithmetic; reads no data and runs no detector.
 */
import { assert } from '@nanofleet/protocol';

/** A stretch of samples, from 0, both ends within. */
export interface SampleSpan {
  readonly first: number;
  readonly last: number;
}

/** What is right about a series: spans in order that do not overlap. */
export interface NabLabels {
  readonly samples: number;
  readonly windows: readonly SampleSpan[];
}

/**
 * What errors cost beside a window found, which is worth 1 at most. NAB's tables also name a weight for true negatives; no formula uses it.
 */
export interface NabProfile {
  readonly name: string;
  readonly falseAlarm: number;
  readonly missed: number;
}

/** NAB's three profiles, the standard one first. */
export const NAB_PROFILES: readonly [NabProfile, NabProfile, NabProfile] = [
  { name: 'standard', falseAlarm: 0.11, missed: 1 },
  { name: 'reward_low_FP_rate', falseAlarm: 0.22, missed: 1 },
  { name: 'reward_low_FN_rate', falseAlarm: 0.11, missed: 2 },
];

/** What an alarm at each sample is worth, before a profile's weights. */
export interface NabWeights {
  readonly windows: number;
  /** Samples at the beginning that count nothing. */
  readonly probation: number;
  /** Number of the window that a sample lies in, or -1. */
  readonly window: Int32Array;
  /** Within a window: 1 at its first sample, near 0 at its last. Elsewhere 0 to -1: an alarm right after a window is nearly forgiven. */
  readonly worth: Float64Array;
}

/** A series with a detector's score of each sample; 0 is never an alarm. */
export interface NabJudged {
  readonly weights: NabWeights;
  readonly scores: ArrayLike<number>;
}

/** What a detector got. */
export interface NabScore {
  /** 0 for no alarm at all, 100 for one at the first sample of each window and none elsewhere; NaN without any window. */
  readonly score: number;
  /** Points above those of no alarm at all, of which `score` is the share. */
  readonly gained: number;
  readonly windows: number;
  readonly hits: number;
  /** Samples outside of windows that reached the threshold. */
  readonly falseAlarms: number;
}

const PROBATION_SHARE = 0.15;
const PROBATION_SAMPLES_MAX = 750;

/** Samples at the beginning of a series in which a detector may learn: 15 %, at most 750. */
export function nabProbation(samples: number): number {
  return Math.min(Math.floor(PROBATION_SHARE * samples), PROBATION_SAMPLES_MAX);
}

/** Distance after a window, in widths, from which a false alarm costs all. */
const FAR = 3;

/** Position -1 is a window's left edge, 0 its right one, 1 a width after it. From 1 to -1. */
function sigmoid(position: number): number {
  return position >= FAR ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

/** The worth of an alarm at each sample of a series. */
export function nabWeights({ samples, windows }: NabLabels): NabWeights {
  const window = new Int32Array(samples).fill(-1);
  const worth = new Float64Array(samples).fill(-1);
  let from = 0;
  windows.forEach((span, index) => {
    assert(span.first >= from && span.last >= span.first && span.last < samples, 'windows in order');
    from = span.last + 1;
    fillWindow({ window, worth }, { span, index });
    fillAfter(worth, { span, until: windows[index + 1]?.first ?? samples });
  });
  return { windows: windows.length, probation: nabProbation(samples), window, worth };
}

// Divided by the sigmoid at the left edge (0.987), so that the earliest alarm is worth exactly 1.
function fillWindow(
  { window, worth }: Pick<NabWeights, 'window' | 'worth'>,
  { span, index }: { readonly span: SampleSpan; readonly index: number },
): void {
  const width = span.last - span.first + 1;
  window.fill(index, span.first, span.last + 1);
  for (let at = span.first; at <= span.last; at += 1)
    worth[at] = sigmoid(-(span.last - at + 1) / width) / sigmoid(-1);
}

function fillAfter(
  worth: Float64Array,
  { span, until }: { readonly span: SampleSpan; readonly until: number },
): void {
  const width = span.last - span.first;
  for (let at = span.last + 1; at < until; at += 1) worth[at] = sigmoid((at - span.last) / width);
}

/** A detector's score over all series at one threshold: an alarm is a score that reaches it. */
export function nabScore(
  judged: readonly NabJudged[],
  { profile, threshold }: { readonly profile: NabProfile; readonly threshold: number },
): NabScore {
  const tally = new Tally(judged, profile);
  judged.forEach(({ weights, scores }, series) => {
    for (let at = weights.probation; at < scores.length; at += 1) {
      const score = scores[at] ?? 0;
      if (score > 0 && score >= threshold) tally.alarm(series, at);
    }
  });
  return tally.score();
}

interface Alarm {
  readonly score: number;
  readonly series: number;
  readonly at: number;
}

/** The one threshold for all series with the highest score, as NAB chooses it; Infinity where no alarm at all is best. */
export function bestNabThreshold(judged: readonly NabJudged[], profile: NabProfile): number {
  const alarms = possibleAlarms(judged);
  const tally = new Tally(judged, profile);
  let best = { gained: 0, threshold: Number.POSITIVE_INFINITY };
  alarms.forEach(({ score, series, at }, index) => {
    tally.alarm(series, at);
    const isLastOfEquals = alarms[index + 1]?.score !== score;
    if (isLastOfEquals && tally.gained > best.gained) best = { gained: tally.gained, threshold: score };
  });
  return best.threshold;
}

function possibleAlarms(judged: readonly NabJudged[]): Alarm[] {
  const alarms: Alarm[] = [];
  judged.forEach(({ weights, scores }, series) => {
    for (let at = weights.probation; at < scores.length; at += 1) {
      const score = scores[at] ?? 0;
      if (score > 0) alarms.push({ score, series, at });
    }
  });
  return alarms.sort((left, right) => right.score - left.score);
}

/** Points while alarms come in, in any order. Of a window only its most valuable alarm counts, which is the earliest. */
class Tally {
  readonly #judged: readonly NabJudged[];
  readonly #profile: NabProfile;
  /** By series and window: what it has brought so far; undefined while it is missed. */
  readonly #found: (number | undefined)[][];
  #hits = 0;
  #falseAlarms = 0;
  /** Points above those of no alarm. */
  gained = 0;

  constructor(judged: readonly NabJudged[], profile: NabProfile) {
    this.#judged = judged;
    this.#profile = profile;
    this.#found = judged.map(() => []);
  }

  alarm(series: number, at: number): void {
    const { window, worth } = this.#judged[series]?.weights ?? {};
    const [within, points] = [window?.[at] ?? -1, worth?.[at] ?? 0];
    if (within >= 0) this.#hit(this.#found[series] ?? [], { within, points });
    else {
      this.#falseAlarms += 1;
      this.gained += points * this.#profile.falseAlarm;
    }
  }

  #hit(
    found: (number | undefined)[],
    { within, points }: { readonly within: number; readonly points: number },
  ): void {
    const before = found[within];
    if (before === undefined) this.#hits += 1;
    this.gained += Math.max(points, before ?? 0) - (before ?? -this.#profile.missed);
    found[within] = Math.max(points, before ?? 0);
  }

  score(): NabScore {
    const windows = this.#judged.reduce((sum, { weights }) => sum + weights.windows, 0);
    return {
      score: windows === 0 ? Number.NaN : (100 * this.gained) / (windows * (1 + this.#profile.missed)),
      gained: this.gained,
      windows,
      hits: this.#hits,
      falseAlarms: this.#falseAlarms,
    };
  }
}
