/**
 * Whether what was seen of a new version speaks against it. Pure. Shares are judged by their exact bounds, so that a few
 * unlucky inputs refuse nobody; times and memory against what the publisher has stated of both versions.
 */
import {
  type ErrorCode,
  type Manifest,
  NanofleetError,
  TRIAL_ABSTAINED_SHARE_MAX,
  TRIAL_AGREEMENT_MIN,
  TRIAL_CHANCE,
  TRIAL_INPUTS_TIMED_MIN,
  TRIAL_MEMORY_BYTES_MIN,
  TRIAL_MEMORY_RATIO_MAX,
  TRIAL_TIME_MICROS_MIN,
  TRIAL_TIME_RATIO_MAX,
} from '@nanofleet/protocol';
import { clopperPearsonUpper } from '@nanofleet/runtime';
import type { TrialFigures } from './trial-tally.ts';

type Cost = Manifest['cost'];

/** What the manifests state of both versions; the running one's is null for the first of a line. */
export interface StatedCosts {
  readonly candidate: Cost;
  readonly running: Cost | null;
}

interface Finding {
  readonly code: ErrorCode;
  readonly what: string;
}

/** The error that refuses a version, or null when nothing speaks against it so far. */
export const judgeTrial = (figures: TrialFigures, costs: StatedCosts): NanofleetError | null => {
  const finding = failing(figures) ?? answering(figures) ?? slow(figures, costs) ?? heavy(figures, costs);
  return finding === null ? null : new NanofleetError(finding.code, `the new version ${finding.what}`);
};

const failing = ({ failed, inputs, notFinite }: TrialFigures): Finding | null => {
  if (failed > 0) return { code: 'MODEL_FAILS', what: `fails on ${failed} of ${inputs} inputs` };
  if (notFinite === 0) return null;
  return {
    code: 'MODEL_NOT_FINITE',
    what: `gives scores that are no numbers for ${notFinite} of ${inputs} inputs`,
  };
};

const answering = ({ abstained, comparable, disagreed }: TrialFigures): Finding | null => {
  if (comparable === 0) return null;
  const options = { count: comparable, delta: TRIAL_CHANCE };
  // At best, as the numbers allow: this share agrees, and at least this share is not sure any more.
  const agreeing = clopperPearsonUpper(comparable - disagreed, options);
  if (agreeing < TRIAL_AGREEMENT_MIN) {
    const what = `gives another label to ${disagreed} of the ${comparable} inputs of which the running one is sure`;
    return { code: 'MODEL_DISAGREES', what };
  }
  const abstaining = 1 - clopperPearsonUpper(comparable - abstained, options);
  if (abstaining <= TRIAL_ABSTAINED_SHARE_MAX) return null;
  return {
    code: 'MODEL_ABSTAINS',
    what: `is not sure of ${abstained} of the ${comparable} inputs of which the running one is`,
  };
};

/** How many times as long, or as much, the publisher has said that it will be. */
const stated = (candidate: number, running: number | undefined): number =>
  running === undefined || running <= 0 ? 1 : Math.max(1, candidate / running);

const slow = ({ fastest }: TrialFigures, { candidate, running }: StatedCosts): Finding | null => {
  if (fastest.inputs < TRIAL_INPUTS_TIMED_MIN || fastest.running <= 0) return null;
  const allowed = TRIAL_TIME_RATIO_MAX * stated(candidate.microseconds, running?.microseconds);
  const isSlower = fastest.candidate - fastest.running > TRIAL_TIME_MICROS_MIN;
  if (!isSlower || fastest.candidate / fastest.running <= allowed) return null;
  const [now, before] = [fastest.candidate, fastest.running].map((micros) => micros.toFixed(0));
  return {
    code: 'MODEL_SLOW',
    what: `takes ${now} µs where the running one takes ${before} µs (the fastest of ${fastest.inputs})`,
  };
};

const heavy = ({ memory }: TrialFigures, { candidate, running }: StatedCosts): Finding | null => {
  if (memory === null) return null;
  const expected = Math.max(0, candidate.rssBytes - (running?.rssBytes ?? candidate.rssBytes));
  const growth = memory.candidate - memory.running - expected;
  const isMuch = growth > TRIAL_MEMORY_BYTES_MIN;
  if (!isMuch || growth / memory.running <= TRIAL_MEMORY_RATIO_MAX - 1) return null;
  const [now, before] = [memory.candidate, memory.running].map((bytes) => (bytes / 1e6).toFixed(0));
  return { code: 'MODEL_HEAVY', what: `takes the process from ${before} to ${now} MB` };
};
