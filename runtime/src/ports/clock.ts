/**
 * The Clock port: wall time, elapsed time and timers. Owns no time itself; a rim gives the real one, tests a manual one.
 * Wall time may be wrong or jump; whatever must be in order uses the monotonic one.
 */

/** Ends a timer; harmless when it has already run. */
export type CancelTimer = () => void;

/** Time as agent and controller see it. */
export interface Clock {
  /** Milliseconds since 1970 by the machine's clock, which may be wrong. */
  unixMs(): number;
  /** Microseconds since some fixed moment, never going back; with fractions. */
  monotonicMicros(): number;
  /** Runs once after at least so many milliseconds. A timer never keeps the process alive. */
  after(milliseconds: number, run: () => void): CancelTimer;
  /** Resolves at the next turn of the loop, behind what waits for its turn already: long work lets others on between its steps. */
  breathe(): Promise<void>;
}

/** A promise that resolves after so many milliseconds. */
export const pause = (clock: Clock, milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(milliseconds, resolve);
  });
