/** The real Clock: the one file of the agent that asks the operating system for time and timers. */
import type { Clock } from '@nanofleet/runtime/ports';

/** Time of the operating system. Its timers are unreferenced: listeners and connections keep the process alive. */
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
