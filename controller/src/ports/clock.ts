/**
 * The Clock of the controller's machine, and its injection token. The only file of the package, with main.ts, that
 * reads a clock or sets a timer.
 */
import type { Clock } from '@nanofleet/runtime/ports';

/** Injection token of the clock. */
export const CLOCK = Symbol('Clock');

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  unixMs: () => Date.now(),
  monotonicMicros: () => performance.now() * 1_000,
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
};
