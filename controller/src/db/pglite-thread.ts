/**
 * PGlite behind a message port: opens one data directory and answers queries in the order they come. Runs in a worker
 * thread, because wasm queries block their event loop; tests run it in their own thread over a MessageChannel.
 * Knows nothing of tables and transactions: `begin` and `commit` are queries like others.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PARSERS } from './pglite-parsers.ts';

/** One query; `array` gives rows as arrays. */
export interface PgliteQuery {
  readonly id: number;
  readonly sql: string;
  readonly params: readonly unknown[];
  readonly rowMode: 'array' | 'object';
}

/** What comes back: first `opened` (id 0), then one per query. */
export type PgliteReply =
  | { readonly id: number; readonly rows: unknown[]; readonly affectedRows: number }
  | { readonly id: number; readonly failure: { readonly message: string; readonly code: string | null } };

const failureOf = (id: number, thrown: unknown): PgliteReply => ({
  id,
  failure: {
    message: thrown instanceof Error ? thrown.message : String(thrown),
    code: thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : null,
  },
});

const answer = async (database: PGlite, query: PgliteQuery): Promise<PgliteReply> => {
  try {
    const { rows, affectedRows } = await database.query(query.sql, [...query.params], {
      rowMode: query.rowMode,
      parsers: PARSERS,
    });
    return { id: query.id, rows, affectedRows: affectedRows ?? 0 };
  } catch (thrown) {
    return failureOf(query.id, thrown);
  }
};

/**
 * Opens the directory, says `opened`, and serves the port until it says `close`; then closes database and port.
 * A directory that cannot be opened is reported as the failure of id 0.
 */
export const servePglite = async (port: MessagePort, directory: string): Promise<void> => {
  let database: PGlite;
  try {
    database = await PGlite.create({ dataDir: directory });
  } catch (thrown) {
    port.postMessage(failureOf(0, thrown));
    port.close();
    return;
  }
  port.on('message', (message: PgliteQuery | 'close') => {
    if (message === 'close') {
      void database.close().finally(() => {
        port.postMessage({ id: -1, rows: [], affectedRows: 0 } satisfies PgliteReply);
        port.close();
      });
    } else {
      void answer(database, message).then((reply) => port.postMessage(reply));
    }
  });
  port.postMessage({ id: 0, rows: [], affectedRows: 0 } satisfies PgliteReply);
};

const given: unknown = workerData;
if (parentPort !== null && typeof given === 'object' && given !== null && 'pgliteDirectory' in given) {
  await servePglite(parentPort, String(given.pgliteDirectory));
}
