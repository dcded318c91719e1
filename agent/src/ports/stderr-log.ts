/**
 * The real Log: JSON lines on standard error. Of one kind of line at most one per second is written; the next says how
 * many were left out, so that a full disk or a flapping network does not fill the log, too.
 */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

const QUIET_MS = 1_000;

/** A log on standard error. */
export const makeStderrLog = (clock: Clock): Log => {
  const kinds = new Map<string, { untilMs: number; leftOut: number }>();
  return (what, facts = {}) => {
    const nowMs = clock.monotonicMicros() / 1_000;
    const kind = kinds.get(what);
    if (kind !== undefined && nowMs < kind.untilMs) {
      kind.leftOut += 1;
      return;
    }
    const leftOut = kind?.leftOut ?? 0;
    kinds.set(what, { untilMs: nowMs + QUIET_MS, leftOut: 0 });
    const line = {
      at: new Date(clock.unixMs()).toISOString(),
      what,
      ...facts,
      ...(leftOut > 0 ? { leftOut } : {}),
    };
    process.stderr.write(`${JSON.stringify(line)}\n`);
  };
};
