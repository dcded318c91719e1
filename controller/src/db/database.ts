/**
 * The database as the rest of the controller sees it: drizzle over either driver, and what callers need to tell
 * failures apart. Never opens anything: `open-database.ts` does.
 */
import type { SQL } from 'drizzle-orm';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** Queries and transactions. */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, never>>;
/** Queries, be it inside a transaction or not. */
export type Queries = Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute'>;

/** Injection token of the database. */
export const DATABASE = Symbol('Database');

/** Runs raw SQL and gives its rows as objects; their form is the caller's claim about its own statement. */
export const rowsOf = async <Row>(database: Queries, statement: SQL): Promise<Row[]> => {
  const result: unknown = await database.execute(statement);
  return (result as { rows: Row[] }).rows;
};

/** SQLSTATE of a failed query, however deep drizzle wrapped it; null when the server gave none. */
const sqlStateOf = (thrown: unknown): string | null => {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ('code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code))
      return error.code;
  }
  return null;
};

/** Whether the fault lies in the values given (classes 22 and 23), so that trying again is useless. */
export const isValueFault = (thrown: unknown): boolean => /^2[23]/.test(sqlStateOf(thrown) ?? '');

/** Whether a unique constraint refused a row. */
export const isDuplicate = (thrown: unknown): boolean => sqlStateOf(thrown) === '23505';

/**
 * Text as PostgreSQL can keep it: NUL and halves of characters become U+FFFD. Devices may send both; a text that the
 * server refuses would fail the whole batch that it is in.
 */
export const storable = (text: string): string =>
  Buffer.from(text, 'utf8').toString('utf8').replaceAll('\0', '\uFFFD');

const SOCKET_FAILURES =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND)|terminated|timeout exceeded|is closed|has ended/;

/** Whether a query failed because there is no database to ask, rather than for what it said. */
export const isDatabaseGone = (thrown: unknown): boolean => {
  const state = sqlStateOf(thrown);
  // Class 08: connection; 53: resources; 57: shut down or cancelled (PostgreSQL, appendix A).
  if (state !== null) return /^(08|53|57)/.test(state);
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    if (SOCKET_FAILURES.test(code) || SOCKET_FAILURES.test(error.message)) return true;
  }
  return false;
};

/** JSON of a value that came as JSON, every string in it as PostgreSQL can keep it. */
export const storableJson = (value: unknown): string => {
  const json = JSON.stringify(value);
  // JSON.stringify escapes just NUL and halves of characters in these forms.
  if (!/\\u0000|\\ud[89a-f]/.test(json)) return json;
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? storable(part) : part));
};
