/**
 * Counts how a new version does beside the one that runs, input by input. Owns the comparison and its counters; what
 * they mean is judged elsewhere. Never holds an input.
 */
import { TRIAL_INPUTS_TIMED_MAX } from '@nanofleet/protocol';
import type { Runner, Scored } from '@nanofleet/runtime';
import type { Clock } from '@nanofleet/runtime/ports';
import { type LiveInput, runOn } from './live-inputs.ts';

/** What was seen of a new version. */
export interface TrialFigures {
  /** Inputs that it was run on. */
  readonly inputs: number;
  /** Of these, ones on which it failed while the running version did not. */
  readonly failed: number;
  /** Of these, ones whose scores are no numbers. */
  readonly notFinite: number;
  /** Inputs of whose label the running version is sure, and which the new one knows, too. */
  readonly comparable: number;
  /** Of these, ones that got another label. */
  readonly disagreed: number;
  /** Of these, ones of which the new version is not sure. */
  readonly abstained: number;
  /** Microseconds of the fastest run of each on the same inputs, one after the other; zeros for nothing. */
  readonly fastest: { readonly inputs: number; readonly running: number; readonly candidate: number };
  /** Resident memory with the running version, and with the new one in its place, bytes; null where nobody measured. */
  readonly memory: { readonly running: number; readonly candidate: number } | null;
}

/** The two versions; there is no running one for the first of a line. */
export interface Pair {
  readonly candidate: Runner;
  readonly running: Runner | null;
}

interface Answer {
  readonly scored: Scored | null;
  readonly micros: number;
}

/** On a busy device a median is what others leave of the processor; the fastest run is the model's own. */
const least = (values: readonly number[]): number => (values.length === 0 ? 0 : Math.min(...values));

const isFinite = ({ logits }: Scored): boolean => logits.every((value) => Number.isFinite(value));

/** Counters of one trial. */
export class TrialTally {
  readonly #pair: Pair;
  readonly #clock: Clock;
  readonly #running: number[] = [];
  readonly #candidate: number[] = [];
  #counts = { inputs: 0, failed: 0, notFinite: 0, comparable: 0, disagreed: 0, abstained: 0 };
  #memory: TrialFigures['memory'] = null;

  constructor(pair: Pair, clock: Clock) {
    this.#pair = pair;
    this.#clock = clock;
  }

  /** Runs an input on both, in turns first and second, so that neither always finds the caches warm. */
  async compare(input: LiveInput): Promise<void> {
    const { candidate, running } = this.#pair;
    if (running === null) return this.#count(await this.#ask(candidate, input), null);
    if (this.#counts.inputs % 2 === 0) {
      const before = await this.#ask(running, input);
      this.#count(await this.#ask(candidate, input), before);
    } else {
      const now = await this.#ask(candidate, input);
      this.#count(now, await this.#ask(running, input));
    }
  }

  /** The new version has failed on an input that it was given in earnest. */
  fail(): void {
    this.#counts.inputs += 1;
    this.#counts.failed += 1;
  }

  /** Notes what was measured of the memory; the newest counts. */
  weigh(memory: NonNullable<TrialFigures['memory']>): void {
    this.#memory = memory;
  }

  figures(): TrialFigures {
    const fastest = {
      inputs: this.#running.length,
      running: least(this.#running),
      candidate: least(this.#candidate),
    };
    return { ...this.#counts, fastest, memory: this.#memory };
  }

  /**
   * Times what the model itself takes. ONNX Runtime runs graphs one after the other in turns of the loop: a run that waited
   * for those of the other version would seem as slow as that one. Its own turn comes right behind the breath begun before it.
   */
  async #ask(runner: Runner, input: LiveInput): Promise<Answer> {
    const beganMicros = this.#clock.monotonicMicros();
    let turnMicros: number | null = null;
    void this.#clock.breathe().then(() => {
      turnMicros = this.#clock.monotonicMicros();
    });
    try {
      const answer = runOn(runner, input);
      const queuedMicros = this.#clock.monotonicMicros();
      const scored = await answer;
      const endMicros = this.#clock.monotonicMicros();
      return { scored, micros: queuedMicros - beganMicros + endMicros - (turnMicros ?? queuedMicros) };
    } catch {
      // What a text was refused for says nothing here; which of the two refused it does.
      return { scored: null, micros: 0 };
    }
  }

  #count(now: Answer, before: Answer | null): void {
    const counts = this.#counts;
    if (before !== null && before.scored === null) return;
    counts.inputs += 1;
    if (now.scored === null) counts.failed += 1;
    else if (!isFinite(now.scored)) counts.notFinite += 1;
    if (now.scored === null || before === null) return;
    this.#time(now.micros, before.micros);
    if (before.scored !== null) this.#match(now.scored, before.scored);
  }

  #match(now: Scored, before: Scored): void {
    const counts = this.#counts;
    if (before.verdict !== 'sure' || !this.#pair.candidate.labels.includes(before.label)) return;
    counts.comparable += 1;
    if (now.label !== before.label) counts.disagreed += 1;
    if (now.verdict !== 'sure') counts.abstained += 1;
  }

  #time(candidateMicros: number, runningMicros: number): void {
    if (this.#running.length >= TRIAL_INPUTS_TIMED_MAX) return;
    this.#running.push(runningMicros);
    this.#candidate.push(candidateMicros);
  }
}
