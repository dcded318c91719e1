/** What one source did: counts, its state, its last error. Owns the numbers that `status` shows; never a message. */
import type { SourceReport } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';

/** Why a message, or a part of it, was not used. */
export type DropReason = keyof SourceReport['dropped'];

/** Counts since the start of the agent. */
export class SourceTally {
  readonly #clock: Clock;
  readonly #kind: SourceReport['kind'];
  readonly #dropped: Record<DropReason, number> = {
    malformed: 0,
    late: 0,
    refused: 0,
    retained: 0,
    tooLarge: 0,
    tooMany: 0,
  };
  #state: SourceReport['state'] = 'waiting';
  #taken = 0;
  #samples = 0;
  #gaps = 0;
  #failures = 0;
  #lastError: string | null = null;
  #lastTakenAt: number | null = null;

  constructor(kind: SourceReport['kind'], clock: Clock) {
    this.#kind = kind;
    this.#clock = clock;
  }

  opened(): void {
    this.#state = 'open';
  }

  ended(): void {
    this.#state = 'ended';
  }

  failed(why: string): void {
    this.#state = 'waiting';
    this.#failures += 1;
    this.#lastError = why;
  }

  /** A message was used; it gave so many samples. */
  took(samples: number): void {
    this.#state = 'open';
    this.#taken += 1;
    this.#samples += samples;
    this.#lastTakenAt = Math.max(0, Math.round(this.#clock.unixMs()));
  }

  drop(reason: DropReason, why?: string): void {
    this.#dropped[reason] += 1;
    if (why !== undefined) this.#lastError = why;
  }

  gap(): void {
    this.#gaps += 1;
  }

  report(): SourceReport {
    return {
      kind: this.#kind,
      state: this.#state,
      taken: this.#taken,
      samples: this.#samples,
      dropped: { ...this.#dropped },
      gaps: this.#gaps,
      failures: this.#failures,
      lastError: this.#lastError,
      lastTakenAt: this.#lastTakenAt,
    };
  }
}
