/**
 * Beats as they travel: where they are rare, what is as in the one before of the same session is left out. An idle device
 * that beats every five minutes sends a fifth of the bytes so. Owns what was sent last; never when.
 */
import { type Beat, LEAN_BEAT_FROM_MS, type SentBeat, WHOLE_BEAT_EVERY_MS } from '@nanofleet/protocol';

/** The beats of one device. */
export class LeanBeats {
  readonly #intervalMs: number;
  #last: Beat | null = null;
  #sinceWholeMs = 0;

  /** @param intervalMs of beats */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** What to send of a beat. */
  next(beat: Beat): SentBeat {
    const before = this.#last;
    this.#last = beat;
    this.#sinceWholeMs += this.#intervalMs;
    const isNext = before?.session === beat.session && before.instance === beat.instance;
    if (!isNext || this.#intervalMs < LEAN_BEAT_FROM_MS || this.#sinceWholeMs >= WHOLE_BEAT_EVERY_MS) {
      this.#sinceWholeMs = 0;
      return beat;
    }
    const { instance, session, uptimeS } = beat;
    return { ...changed(beat, before), session, instance, uptimeS: Math.round(uptimeS) };
  }
}

const changed = (beat: Beat, before: Beat): Partial<Beat> =>
  Object.fromEntries(
    Object.entries(beat).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof Beat]),
    ),
  );
