/**
 * The Log port: one line per thing worth knowing, as JSON. Never given a secret, a text or a sample.
 */

/** A value that may be logged. */
export type LogFact = string | number | boolean | null;

/** Writes one line: what happened, with its facts. */
export type Log = (what: string, facts?: Readonly<Record<string, LogFact>>) => void;

/** Logs nothing. */
export const silentLog: Log = () => undefined;
