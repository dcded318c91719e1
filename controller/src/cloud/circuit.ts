/**
 * Whether a provider is asked now. Opens when it says that it is busy, and after failures in a row; then one question at a
 * time tries it again. Owns no timer: it is told the time, and tells how long to wait.
 */
import type { ErrorCode } from '@nanofleet/protocol';
import type { ProviderFailure } from './failure.ts';

/** Failures in a row that open it. */
const FAILURES_MAX = 5;
/** First time that it stays open when the provider names none, milliseconds; doubles with each time in a row. */
const OPEN_FIRST_MS = 1_000;
const OPEN_LONGEST_MS = 300_000;

/** `go`: ask. `wait`: so many milliseconds, or until something changes. */
export type Admission = { readonly is: 'go' } | { readonly is: 'wait'; readonly forMs: number };

/** The circuit of one provider. Times are monotonic milliseconds. */
export class Circuit {
  #failures = 0;
  #openings = 0;
  /** Null: closed. */
  #opensAt: number | null = null;
  #isProbing = false;
  #lastFailureCode: ErrorCode | null = null;

  /** What operators are shown. */
  state(nowMs: number): { circuit: 'closed' | 'open' | 'half-open'; forMs: number; code: ErrorCode | null } {
    const forMs = this.#opensAt === null ? 0 : Math.max(0, this.#opensAt - nowMs);
    const open = forMs > 0 ? 'open' : 'half-open';
    return { circuit: this.#opensAt === null ? 'closed' : open, forMs, code: this.#lastFailureCode };
  }

  /** Asks to call the provider; after `go` exactly one of the three below must follow. */
  enter(nowMs: number): Admission {
    if (this.#opensAt === null) return { is: 'go' };
    if (this.#opensAt > nowMs) return { is: 'wait', forMs: this.#opensAt - nowMs };
    if (this.#isProbing) return { is: 'wait', forMs: Number.POSITIVE_INFINITY };
    this.#isProbing = true;
    return { is: 'go' };
  }

  /** The provider did its part. */
  succeeded(): void {
    this.#failures = 0;
    this.#openings = 0;
    this.#opensAt = null;
    this.#isProbing = false;
  }

  /** The call said nothing about the provider. */
  abandoned(): void {
    this.#isProbing = false;
  }

  /** The provider failed. */
  failed({ code, retry, retryAfterMs }: ProviderFailure, nowMs: number): void {
    this.#failures += 1;
    this.#lastFailureCode = code;
    const wasProbe = this.#isProbing;
    this.#isProbing = false;
    const isOver = retry === 'when-free' || wasProbe || this.#failures >= FAILURES_MAX;
    // Calls that were under way when it opened do not lengthen it.
    if (!isOver || (this.#opensAt !== null && this.#opensAt > nowMs)) return;
    const growing = Math.min(OPEN_LONGEST_MS, OPEN_FIRST_MS * 2 ** this.#openings);
    this.#openings += 1;
    this.#opensAt = nowMs + (retryAfterMs ?? growing);
  }
}
