/**
 * The real Log: JSON lines on standard error. Of one kind of line at most one per second is written; the next says how
 * many were left out, so that a full disk or a flapping network does not fill the log, too.
 */
import type { Clock, Log, LogFacts } from '@nanofleet/runtime/ports';

const QUIET_MS = 1_000;

/** A log on standard error. */
export const makeStderrLog = (clock: Clock): Log => {
  const kinds = new Map<string, { untilMs: number; leftOut: number }>();
  const at =
    (level: string) =>
    (what: string, facts: LogFacts = {}): void => {
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
        level,
        what,
        ...facts,
        ...(leftOut > 0 ? { leftOut } : {}),
      };
      process.stderr.write(`${JSON.stringify(line)}\n`);
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
};
