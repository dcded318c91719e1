/**
 * Watches a version that has just begun to serve: each input that it is given in earnest is also run on the version before,
 * which stays loaded for that long. Owns the watch and its end; taking the version back or committing it is its line's.
 */
import {
  NanofleetError,
  PROBATION_COMPARED_MAX,
  PROBATION_GROWTH_LOOKS,
  PROBATION_GROWTH_MAX,
  PROBATION_INPUTS,
  PROBATION_LEAST_MS,
  PROBATION_LOOK_MS,
  PROBATION_MOST_MS,
  TRIAL_MEMORY_BYTES_MIN,
} from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import type { Host } from '../ports/host.ts';
import { judgeTrial, type StatedCosts } from './judge-trial.plan.ts';
import type { InputWatcher, LiveInput } from './live-inputs.ts';
import { type Pair, TrialTally } from './trial-tally.ts';

/** How long a version is watched: at least so long and so many inputs, or so long when there are fewer. */
export interface ProbationLength {
  readonly leastMs: number;
  readonly mostMs: number;
  readonly inputs: number;
}

/** The length where nothing else is said. */
export const PROBATION_LENGTH: ProbationLength = {
  leastMs: PROBATION_LEAST_MS,
  mostMs: PROBATION_MOST_MS,
  inputs: PROBATION_INPUTS,
};

/** A length of so many milliseconds at most. */
export const probationWithin = (mostMs: number): ProbationLength => ({
  ...PROBATION_LENGTH,
  mostMs,
  leastMs: Math.min(PROBATION_LENGTH.leastMs, mostMs),
});

/** What a probation needs. */
export interface ProbationOptions {
  readonly clock: Clock;
  readonly host: Pick<Host, 'rssBytes'>;
  readonly pair: Pair;
  readonly costs: StatedCosts;
  readonly length: ProbationLength;
  /** Told once how it ended: null when nothing speaks against the version. */
  readonly ended: (error: NanofleetError | null) => void;
}

/** The probation of one version. */
export class Probation implements InputWatcher {
  readonly #options: ProbationOptions;
  readonly #tally: TrialTally;
  readonly #beganMicros: number;
  readonly #rssBytes: number;
  #comparing: Promise<void> | null = null;
  #comparingSinceMicros = 0;
  /** Looks in a row that found the agent grown. */
  #grown = 0;
  #cancel: () => void = () => undefined;
  #isOver = false;

  constructor(options: ProbationOptions) {
    this.#options = options;
    this.#tally = new TrialTally(options.pair, options.clock);
    this.#beganMicros = options.clock.monotonicMicros();
    this.#rssBytes = options.host.rssBytes();
    this.#look();
  }

  /** Runs an input on both, unless the one before is still under way: the watch costs a bounded share of the processor. */
  saw(input: LiveInput): void {
    if (this.#isOver || this.#comparing !== null) return;
    if (this.#tally.figures().inputs >= PROBATION_COMPARED_MAX) return;
    this.#comparingSinceMicros = this.#options.clock.monotonicMicros();
    this.#comparing = this.#tally.compare(input).then(() => {
      this.#comparing = null;
      this.#judge();
    });
  }

  failed(digest: string): void {
    if (this.#isOver || digest !== this.#options.pair.candidate.digest) return;
    this.#tally.fail();
    this.#judge();
  }

  /** Ends the watch without a finding; resolves when neither version is used by it any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    await this.#comparing;
  }

  #look(): void {
    this.#cancel = this.#options.clock.after(PROBATION_LOOK_MS, () => {
      this.#weigh();
      this.#judge();
      if (this.#isOver) return;
      if (this.#isServed()) return this.#end(null);
      this.#look();
    });
  }

  #isServed(): boolean {
    const { inputs, leastMs, mostMs } = this.#options.length;
    const elapsedMs = this.#elapsedMs(this.#beganMicros);
    return elapsedMs >= mostMs || (elapsedMs >= leastMs && this.#tally.figures().inputs >= inputs);
  }

  #judge(): void {
    if (this.#isOver) return;
    const finding =
      judgeTrial(this.#tally.figures(), this.#options.costs) ?? this.#hanging() ?? this.#growing();
    if (finding !== null) this.#end(finding);
  }

  #hanging(): NanofleetError | null {
    if (this.#comparing === null) return null;
    const elapsedMs = this.#elapsedMs(this.#comparingSinceMicros);
    if (elapsedMs < this.#options.length.leastMs) return null;
    return new NanofleetError(
      'MODEL_SLOW',
      `the new version has not answered for ${elapsedMs.toFixed(0)} ms`,
    );
  }

  #growing(): NanofleetError | null {
    if (this.#grown < PROBATION_GROWTH_LOOKS) return null;
    const growth = this.#options.host.rssBytes() - this.#rssBytes;
    const [from, by] = [this.#rssBytes, growth].map((bytes) => (bytes / 1e6).toFixed(0));
    return new NanofleetError(
      'MODEL_HEAVY',
      `the agent grew from ${from} by ${by} MB since the new version serves`,
    );
  }

  #weigh(): void {
    const growth = this.#options.host.rssBytes() - this.#rssBytes;
    const isGrown = growth > Math.max(TRIAL_MEMORY_BYTES_MIN, this.#rssBytes * PROBATION_GROWTH_MAX);
    this.#grown = isGrown ? this.#grown + 1 : 0;
  }

  #elapsedMs(sinceMicros: number): number {
    return (this.#options.clock.monotonicMicros() - sinceMicros) / 1_000;
  }

  #end(error: NanofleetError | null): void {
    this.#isOver = true;
    this.#cancel();
    this.#options.ended(error);
  }
}
