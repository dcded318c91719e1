/**
 * Whether and when a failed call is tried again. Pure but for its bucket. One loop, one deadline: nothing below or above it
 * retries.
 */
import type { ProviderFailure } from './failure.ts';

const BACKOFF_FIRST_MS = 250;
const BACKOFF_LONGEST_MS = 5_000;
/** Retries may be a tenth of all calls; so many are in the bucket at most, and at the start. */
const BUCKET = 10;
const PER_CALL = 0.1;

/**
 * The wait before the next attempt, milliseconds, with full jitter; null when there is none.
 * @param share from 0 to 1
 */
export const waitBeforeRetry = (
  failure: ProviderFailure,
  given: { attempt: number; attemptsMax: number; remainingMs: number; share: number },
): number | null => {
  const { attempt, attemptsMax, remainingMs, share } = given;
  if (failure.retry === 'never' || attempt >= attemptsMax) return null;
  const backoff = Math.min(BACKOFF_LONGEST_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1)) * share;
  const waitMs = Math.max(failure.retryAfterMs ?? 0, backoff);
  return waitMs < remainingMs ? waitMs : null;
};

/** Keeps retries a small share of the traffic: a provider that fails everybody is not asked thrice as much. */
export class RetryBucket {
  #left = BUCKET;

  /** A first attempt was made. */
  fill(): void {
    this.#left = Math.min(BUCKET, this.#left + PER_CALL);
  }

  /** Takes one retry; false when there is none. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
