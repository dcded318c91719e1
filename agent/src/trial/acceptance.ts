/**
 * The Acceptance port: a new version is tried apart from the agent, so that one that crashes, hangs or takes all memory
 * takes nothing with it. Owns no process; a rim gives one, the simulated fleet something lighter.
 */
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

/** Tries versions. */
export interface Acceptance {
  /**
   * Loads both, and runs the new one beside the running one.
   * @throws NanofleetError of the first check that fails, TRIAL_CRASHED, TRIAL_TIMEOUT, TRIAL_MEMORY, or the signal's reason
   */
  try(task: AcceptanceTask, signal: AbortSignal): Promise<TrialFigures>;
}
