/**
 * The time as the controller sees it: a port, so that tests own it, and its real implementation. The only file of the
 * package, with main.ts, that reads a clock or sets a timer.
 */

/** Ends a timer before it fires; harmless afterwards. */
export type Cancel = () => void;

/** Wall clock, monotonic clock and timers. */
export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonicMs(): number;
  /** Calls `act` once after a delay; the timer does not keep the process alive. */
  after(delayMs: number, act: () => void): Cancel;
}

/** Injection token of the clock. */
export const CLOCK = Symbol('Clock');

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, act) => {
    const timer = setTimeout(act, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Resolves after a delay. */
export const pause = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
