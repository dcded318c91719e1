/**
 * The Acceptance port: a new version is tried apart from the agent, so that one that crashes, hangs or takes all memory
 * takes nothing with it. Owns no process; a rim gives one, the simulated fleet something lighter.
 */
import type { Runner } from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import type { LiveInput } from './live-inputs.ts';
import type { TrialFigures } from './trial-tally.ts';

/** A bundle on the device's disk. */
export interface BundlePlace {
  readonly directory: string;
  readonly digest: string;
}

/** What is to be tried. */
export interface AcceptanceTask {
  readonly candidate: BundlePlace;
  /** Null for the first version of a line. */
  readonly running: BundlePlace | null;
  readonly publisherFingerprints: readonly string[];
  /** What this device was given lately; it stays in memory. */
  readonly inputs: readonly LiveInput[];
}

/** What of this process a trial may take that is not apart from it. */
export interface AcceptanceHere {
  /** The candidate as it was verified before its trial. */
  readonly verified: CheckedBundle;
  /** What serves the line, held until the trial is over; null when nothing does. */
  readonly serving: Runner | null;
  /** Takes over the candidate's runner, loaded from `verified`, once it was tried. */
  readonly handOver: (candidate: Runner) => void;
}

/** Tries versions. */
export interface Acceptance {
  /**
   * Loads both, and runs the new one beside the running one.
   * @throws NanofleetError of the first check that fails, TRIAL_CRASHED, TRIAL_TIMEOUT, TRIAL_MEMORY, or the signal's reason
   */
  try(task: AcceptanceTask, signal: AbortSignal, here: AcceptanceHere): Promise<TrialFigures>;
}
