/**
 * What a device has counted with the old bundle and with the new one, out of the figures in its beats. Pure. Figures
 * grow from the start of a process: what a restart begins anew is added to what was there.
 */
import type { Digest, LineFigures } from '@nanofleet/protocol';

/** Sums over decisions. */
export interface Counts {
  readonly decisions: number;
  readonly notSure: number;
  readonly offloaded: number;
  readonly errors: number;
  readonly compared: number;
  readonly agreed: number;
  /** Sum of the scores. */
  readonly scores: number;
  /** Sum over decisions of the logarithm of the median time, so that its mean is that of a decision. */
  readonly latency: number;
  /** 1 once it compares models, more after restarts; 0 for a device that does not. */
  readonly comparing: number;
  /** Inputs on which both models were run; of these, ones that a bigger tier has judged where they differ. */
  readonly paired: number;
  readonly judged: number;
  readonly newRight: number;
  readonly oldRight: number;
}

/** A device's counts: until it was looked at, and since. */
export interface Tally {
  readonly arm: 'exposed' | 'control';
  readonly before: Counts;
  readonly during: Counts;
  /** The figures that are counted already, with whose they are. */
  readonly last: { readonly instance: string; readonly digest: Digest; readonly counts: Counts } | null;
}

/** What a beat says of a line. */
export interface Told {
  readonly instance: string;
  readonly digest: Digest;
  readonly figures: LineFigures;
}

/** Nothing counted. */
export const NO_COUNTS: Counts = {
  decisions: 0,
  notSure: 0,
  offloaded: 0,
  errors: 0,
  compared: 0,
  agreed: 0,
  scores: 0,
  latency: 0,
  comparing: 0,
  paired: 0,
  judged: 0,
  newRight: 0,
  oldRight: 0,
};

const KEYS = Object.keys(NO_COUNTS) as (keyof Counts)[];

/** Counts that a controller of before has stored may lack a key. */
const combined = (left: Partial<Counts>, right: Partial<Counts>, sign: 1 | -1): Counts =>
  Object.fromEntries(
    KEYS.map((key) => [key, (left[key] ?? 0) + sign * (right[key] ?? 0)]),
  ) as unknown as Counts;

/** The sum of two counts. */
const sumOf = (left: Counts, right: Counts): Counts => combined(left, right, 1);

/** Figures as counts. */
const countsOf = ({ figures }: Told): Counts => {
  const { agreed, compared, decisions, errors, micros, offloaded, outOfScope, pairs, scores, unsure } =
    figures;
  const bins = scores.length;
  const scored = scores.reduce((sum, count, bin) => sum + (count * (bin + 0.5)) / bins, 0);
  return {
    decisions,
    notSure: unsure + outOfScope,
    offloaded,
    errors,
    compared,
    agreed,
    scores: scored,
    latency: decisions * Math.log(Math.max(1, micros.p50)),
    comparing: pairs === undefined ? 0 : 1,
    paired: pairs?.inputs ?? 0,
    judged: pairs?.judged ?? 0,
    newRight: pairs?.newRight ?? 0,
    oldRight: pairs?.oldRight ?? 0,
  };
};

/** A device that has counted nothing. */
export const NO_TALLY: Tally = { arm: 'control', before: NO_COUNTS, during: NO_COUNTS, last: null };

const added = (told: Told, last: Tally['last']): Counts => {
  const counts = countsOf(told);
  const isSame = last?.instance === told.instance && last.digest === told.digest;
  return isSame && counts.decisions >= last.counts.decisions ? combined(counts, last.counts, -1) : counts;
};

/** The tally after a beat: `isBegun` once the rollout has given its bundle to anybody. */
export const tallied = (tally: Tally, told: Told, now: { digest: Digest; isBegun: boolean }): Tally => {
  const fresh = added(told, tally.last);
  const last = { instance: told.instance, digest: told.digest, counts: countsOf(told) };
  if (told.digest !== now.digest) {
    return now.isBegun && tally.arm === 'control'
      ? { ...tally, during: sumOf(tally.during, fresh), last }
      : { ...tally, before: sumOf(tally.before, fresh), last };
  }
  if (tally.arm === 'exposed') return { ...tally, during: sumOf(tally.during, fresh), last };
  return { arm: 'exposed', before: sumOf(tally.before, tally.during), during: fresh, last };
};
