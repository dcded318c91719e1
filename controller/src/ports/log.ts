/**
 * The controller's log: one JSON object per line on stderr. Never carries a secret, a text or sensor samples: callers
 * give codes, ids and counts.
 */
import { toNanofleetError } from '@nanofleet/protocol';
import type { Log, LogFacts } from '@nanofleet/runtime/ports';

/** Injection token of the log. */
export const LOG = Symbol('Log');

/** A log that hands each finished line to `write`. */
export const jsonLog = (unixMs: () => number, write: (line: string) => void): Log => {
  const at =
    (level: string) =>
    (message: string, facts: LogFacts = {}) =>
      write(`${JSON.stringify({ at: new Date(unixMs()).toISOString(), level, message, ...facts })}\n`);
  return { info: at('info'), warn: at('warn'), error: at('error') };
};

/** The innermost cause: drizzle's own message would quote the parameters of a query, secrets and texts among them. */
const rootOf = (thrown: unknown): unknown => {
  let root = thrown;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root;
};

/** Code and message of anything thrown, as facts of a line. */
export const factsOf = (thrown: unknown): LogFacts => {
  const { code } = toNanofleetError(thrown);
  return { code, detail: toNanofleetError(rootOf(thrown)).message.slice(0, 500) };
};
