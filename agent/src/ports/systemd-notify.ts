/**
 * Tells systemd that the agent is ready and, while its event loop turns, that it lives. Node has no datagram sockets of
 * Unix, so that the program `systemd-notify` does it, which is wherever the manager is. Owns the interval; never reads a
 * setting: the program finds the socket in what it inherits.
 */
import { execFile } from 'node:child_process';
import type { Clock, Log } from '@nanofleet/runtime/ports';

const PROGRAM = 'systemd-notify';
/** Less than half of the unit's WatchdogSec, 120 s: one lost call ends nothing. */
const INTERVAL_MS = 50_000;
/** A manager that does not take a call within this has other troubles. */
const CALL_MS = 10_000;

/** Says ready, then alive at each interval. The result ends that. */
export const tellSystemd = (clock: Clock, log: Log): (() => void) => {
  const tell = (word: string): void => {
    execFile(PROGRAM, [word], { timeout: CALL_MS }, (failure) => {
      if (failure !== null) log.warn('the service manager was not told', { word, why: failure.message });
    });
  };
  tell('READY=1');
  let isOver = false;
  let stop = (): void => undefined;
  const next = (): void => {
    stop = clock.after(INTERVAL_MS, () => {
      if (isOver) return;
      tell('WATCHDOG=1');
      next();
    });
  };
  next();
  return () => {
    isOver = true;
    stop();
  };
};
