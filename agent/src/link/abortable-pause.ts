/** Owns waiting for some time, or for the end of the agent. */
import type { Clock } from '@nanofleet/runtime/ports';

/** Resolves after so many milliseconds, or when `signal` is aborted. */
export const pauseUnlessAborted = (clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(milliseconds, done);
    signal.addEventListener('abort', done);
  });
