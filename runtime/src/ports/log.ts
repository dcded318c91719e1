/**
 * The Log port: one line per thing worth knowing, with its facts. Never given a secret, a text or a sample: callers give
 * codes, ids and counts.
 */

/** Facts of one line. */
export type LogFacts = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Where lines go: what happened, with its facts. */
export interface Log {
  info(what: string, facts?: LogFacts): void;
  warn(what: string, facts?: LogFacts): void;
  error(what: string, facts?: LogFacts): void;
}

const nothing = (): void => undefined;

/** Logs nothing. */
export const silentLog: Log = { info: nothing, warn: nothing, error: nothing };
