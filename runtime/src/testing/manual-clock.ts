/** A Clock that stands still until a test moves it. Runs due timers in the order of their times. */
import type { Clock } from '../ports/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** A clock for tests: `advance` moves it and runs what became due. */
export class ManualClock implements Clock {
  #nowMs: number;
  #timers: Timer[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
  }

  unixMs(): number {
    return this.#nowMs;
  }

  monotonicMicros(): number {
    return this.#nowMs * 1_000;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + milliseconds, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  breathe(): Promise<void> {
    return Promise.resolve();
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Moves the time and runs each timer that is due on the way. */
  advance(milliseconds: number): void {
    const endMs = this.#nowMs + milliseconds;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Timer | undefined {
    return this.#timers.filter(({ dueMs }) => dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
  }
}

/** Lets everything that does not wait for time or for a real file come to rest. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
};
