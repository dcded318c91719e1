/**
 * The near side of `pglite-thread.ts`: queries over a port, and transactions by keeping everybody else's queries back
 * meanwhile, since there is one connection. Has the two methods that drizzle's PGlite driver calls.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { assert, NanofleetError } from '@nanofleet/protocol';
import type { PgliteQuery, PgliteReply } from './pglite-thread.ts';

interface Waiting {
  readonly resolve: (reply: { rows: unknown[]; affectedRows: number }) => void;
  readonly reject: (error: unknown) => void;
}

/** A failure that the database reports; `code` is the SQLSTATE. */
class PgliteFailure extends NanofleetError {
  // The registry's code says what a user can do; drivers of PostgreSQL give the SQLSTATE in the cause.
  constructor(message: string, sqlState: string | null) {
    super('DATABASE_UNAVAILABLE', message, {
      cause: Object.assign(new TypeError(message), sqlState === null ? {} : { code: sqlState }),
    });
  }
}

interface QueryOptions {
  readonly rowMode?: 'array' | 'object';
}

/** A connection to a PGlite that runs elsewhere. */
export class PgliteClient {
  readonly #port: MessagePort | Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened: Promise<unknown>;
  #nextId = 1;
  #lastTransaction: Promise<unknown> = Promise.resolve();
  #gone: Error | null = null;
  #isClosing = false;

  constructor(port: MessagePort | Worker) {
    this.#port = port;
    this.#opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    // Whoever calls `opened` sees the failure; without a listener Node would end the process first.
    this.#opened.catch(() => undefined);
    port.on('message', (reply: PgliteReply) => this.#take(reply));
    port.on('error', (error: Error) => this.#fail(error));
    port.on('close', () => this.#fail(new PgliteFailure('the embedded database is closed', null)));
    port.on('exit', () => {
      this.#fail(new PgliteFailure('the embedded database has ended', null));
      // Going on without a database would look alive: the process ends, and whoever watches it starts another.
      assert(this.#isClosing, 'the thread of the embedded database lives until it is closed');
    });
  }

  /** Resolves when the directory is open; rejects with why it could not be opened. */
  async opened(): Promise<void> {
    await this.#opened;
  }

  /** One query, after the transaction that runs now. */
  query(sql: string, params?: readonly unknown[], options?: QueryOptions) {
    return this.#lastTransaction.then(() => this.#send(sql, params, options));
  }

  /** Runs `work` between begin and commit, alone on the connection. */
  transaction<T>(work: (transaction: Pick<PgliteClient, 'query'>) => Promise<T>): Promise<T> {
    const result = this.#lastTransaction.then(() => this.#inTransaction(work));
    this.#lastTransaction = result.catch(() => undefined);
    return result;
  }

  /** Closes the database in order; what is under way is finished first. */
  async close(): Promise<void> {
    await this.#lastTransaction;
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => {
      this.#waiting.set(-1, { resolve: () => resolve(), reject: () => resolve() });
    });
    this.#port.postMessage('close');
    if (this.#gone === null) await closed;
  }

  async #inTransaction<T>(work: (transaction: Pick<PgliteClient, 'query'>) => Promise<T>): Promise<T> {
    const query: PgliteClient['query'] = (...given) => this.#send(...given);
    await query('begin');
    try {
      const result = await work({ query });
      await query('commit');
      return result;
    } catch (thrown) {
      await query('rollback');
      throw thrown;
    }
  }

  #send(sql: string, params: readonly unknown[] = [], { rowMode = 'object' }: QueryOptions = {}) {
    return new Promise<{ rows: unknown[]; affectedRows: number }>((resolve, reject) => {
      if (this.#gone !== null) {
        reject(this.#gone);
        return;
      }
      const id = this.#nextId;
      this.#nextId += 1;
      this.#waiting.set(id, { resolve, reject });
      this.#port.postMessage({ id, sql, params, rowMode } satisfies PgliteQuery);
    });
  }

  #take(reply: PgliteReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    // A thread that could not open its directory ends at once, as it should.
    if ('failure' in reply && reply.id === 0) this.#isClosing = true;
    if ('failure' in reply) waiting?.reject(new PgliteFailure(reply.failure.message, reply.failure.code));
    else waiting?.resolve({ rows: reply.rows, affectedRows: reply.affectedRows });
  }

  #fail(error: Error): void {
    this.#gone ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }
}
