/**
 * What a process that tries a new version does: load it, weigh it, and run it beside the running one on this device's
 * last inputs and on the golden ones. Owns the order; never judges, and never keeps an input.
 */
import { TRIAL_RUNS_MS_MAX } from '@nanofleet/protocol';
import { decodeGolden, decodeWindow, type Runner } from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import type { Clock } from '@nanofleet/runtime/ports';
import type { AcceptanceTask, BundlePlace } from './acceptance.ts';
import type { LiveInput } from './live-inputs.ts';
import { type TrialFigures, TrialTally } from './trial-tally.ts';

/** The surroundings of a trial. */
export interface AcceptancePorts {
  readonly clock: Clock;
  /** The version in a place; rejects when it cannot be verified or loaded. */
  readonly load: (place: BundlePlace) => Promise<LoadedVersion>;
  /** Resident memory after all that can be freed was freed; left out where other things of the process would be weighed, too. */
  readonly rssBytes?: () => number;
}

/** A version that runs. */
export interface LoadedVersion {
  readonly runner: Runner;
  /** Content of its file `golden`. */
  readonly golden: Uint8Array;
  /** Told when the trial is over. */
  readonly release: () => Promise<void>;
}

/** A version that was loaded for its trial alone. */
export const loadedVersion = ({ files }: CheckedBundle, runner: Runner): LoadedVersion => ({
  runner,
  golden: files.get('golden') ?? new Uint8Array(),
  release: () => runner.release(),
});

/** Tries a version. @throws NanofleetError of verifying or loading it */
export const runAcceptance = async (task: AcceptanceTask, ports: AcceptancePorts): Promise<TrialFigures> => {
  const { candidate, running } = task;
  const open: LoadedVersion[] = [];
  const load = async (place: BundlePlace): Promise<LoadedVersion> => {
    const version = await ports.load(place);
    open.push(version);
    return version;
  };
  try {
    // A running version that the disk has changed since compares with nothing; the new one is not to blame for it.
    const before = running === null ? null : await load(running).catch(() => null);
    const rss = [ports.rssBytes?.()];
    const now = await load(candidate);
    rss.push(ports.rssBytes?.());
    const tally = new TrialTally({ candidate: now.runner, running: before?.runner ?? null }, ports.clock);
    const inputs = [...task.inputs, ...goldenInputs(before ?? now)];
    await compareAll(tally, inputs, ports.clock);
    if (running !== null && before !== null && ports.rssBytes !== undefined) {
      // The first to be loaded also pays for the engine: the running one is weighed a second time, after it.
      await load(running);
      rss.push(ports.rssBytes());
      tally.weigh(weights(rss));
    }
    return tally.figures();
  } finally {
    for (const version of open) await version.release();
  }
};

/** @param rss with the running version, with the new one too, and with the running one once more */
const weights = (rss: readonly (number | undefined)[]): NonNullable<TrialFigures['memory']> => {
  const [one = 0, both = 0, again = 0] = rss;
  return { running: one, candidate: one - (again - both) + (both - one) };
};

const compareAll = async (tally: TrialTally, inputs: readonly LiveInput[], clock: Clock): Promise<void> => {
  const endMicros = clock.monotonicMicros() + TRIAL_RUNS_MS_MAX * 1_000;
  for (const input of inputs) {
    await tally.compare(input);
    if (clock.monotonicMicros() > endMicros) return;
  }
};

const goldenInputs = ({ golden: bytes, runner: { manifest } }: LoadedVersion): LiveInput[] => {
  const golden = decodeGolden(bytes, manifest);
  return golden.task === 'text-intent'
    ? golden.cases.map(({ text }) => ({ task: golden.task, text }))
    : golden.cases.map(({ window }) => ({ task: golden.task, window: decodeWindow(window) }));
};
