/** A clock that stands still until a test moves it. Only tests import this. */
import type { Clock } from '../ports/clock.ts';

/** Time in a test's hand. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; act: () => void }[] = [];

  /** Milliseconds since the test began. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** The same. */
  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Keeps a timer until its time is reached. */
  after(delayMs: number, act: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Moves on and runs what is due, in its order; then lets promises settle. */
  async advance(byMs: number): Promise<void> {
    this.#nowMs += byMs;
    const due = this.#timers
      .filter(({ atMs }) => atMs <= this.#nowMs)
      .sort((left, right) => left.atMs - right.atMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { act } of due) act();
    await settle();
  }
}

/** Lets everything that does not wait for time come to rest. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
};
