/** What one sink did: counts, its state, its last error. Owns the numbers that `status` shows; never a message. */
import type { SinkReport } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';

/** Why a message did not go to a sink. */
export type SinkDropReason = keyof SinkReport['dropped'];

/** Counts since the start of the agent. */
export class SinkTally {
  readonly #clock: Clock;
  readonly #kind: SinkReport['kind'];
  readonly #dropped: Record<SinkDropReason, number> = { refused: 0, failed: 0, expired: 0, tooMany: 0 };
  #state: SinkReport['state'];
  #sent = 0;
  #failures = 0;
  #lastError: string | null = null;
  #lastSentAt: number | null = null;

  /** @param state whether there is something to reach first */
  constructor(kind: SinkReport['kind'], state: SinkReport['state'], clock: Clock) {
    this.#kind = kind;
    this.#state = state;
    this.#clock = clock;
  }

  opened(): void {
    this.#state = 'open';
  }

  failed(why: string): void {
    this.#state = 'waiting';
    this.#failures += 1;
    this.#lastError = why;
  }

  sent(): void {
    this.#state = 'open';
    this.#sent += 1;
    this.#lastSentAt = Math.max(0, Math.round(this.#clock.unixMs()));
  }

  drop(reason: SinkDropReason, why?: string): void {
    this.#dropped[reason] += 1;
    if (why !== undefined) this.#lastError = why;
  }

  report(waiting: number): SinkReport {
    return {
      kind: this.#kind,
      state: this.#state,
      sent: this.#sent,
      dropped: { ...this.#dropped },
      waiting,
      failures: this.#failures,
      lastError: this.#lastError,
      lastSentAt: this.#lastSentAt,
    };
  }
}
