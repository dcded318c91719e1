// The controller's connection to PGlite in the world: queries one at a time, each taking some virtual time once the
// controller serves, and the one at which it is to be killed. Has what drizzle's driver calls.
import type { MemoryPglite, PgliteConnection } from '@nanofleet/controller';
import type { Random } from '@nanofleet/runtime/ports';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** Virtual time of a query, milliseconds at most. */
const QUERY_MS = 4;

/** What a connection needs. */
export interface ConnectionOptions {
  readonly world: World;
  readonly life: Life;
  readonly database: MemoryPglite;
  readonly random: Random;
  /** Queries that are answered and not done; none, but to prove that somebody notices. */
  readonly forgets: (sql: string) => boolean;
}

/** A planned death: at the query after so many more, before or after the database has done it. */
export interface Doom {
  queriesLeft: number;
  readonly isDone: boolean;
  readonly die: () => void;
}

/** The connection of one life. */
export class Connection implements PgliteConnection {
  readonly #options: ConnectionOptions;
  #lastTransaction: Promise<unknown> = Promise.resolve();
  /** While false queries take no time: a start is one moment. */
  isServing = false;
  doom: Doom | null = null;
  queries = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  query: PgliteConnection['query'] = (sql, params, options) =>
    this.#lastTransaction.then(() => this.#send(sql, params, options));

  transaction: PgliteConnection['transaction'] = (work) => {
    const result = this.#lastTransaction.then(() => this.#inTransaction(work));
    this.#lastTransaction = result.catch(() => undefined);
    return result;
  };

  async #inTransaction<T>(work: (transaction: Pick<PgliteConnection, 'query'>) => Promise<T>): Promise<T> {
    const query: PgliteConnection['query'] = (...given) => this.#send(...given);
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

  async #send(...given: Parameters<PgliteConnection['query']>) {
    const { world, life, database, random } = this.#options;
    const { isServing } = this;
    const reply = await world.real(life, async () => {
      this.queries += 1;
      const isLast = this.#isLast();
      if (isLast && this.doom?.isDone === false) return this.#die();
      if (this.#options.forgets(given[0])) return { rows: [{ fresh: 1 }], affectedRows: 1 };
      const answer = await database.query(...given);
      if (isLast) this.#die();
      return answer;
    });
    if (isServing) await world.pause(random.share() * QUERY_MS, life);
    return reply;
  }

  #isLast(): boolean {
    if (this.doom === null) return false;
    this.doom.queriesLeft -= 1;
    return this.doom.queriesLeft <= 0;
  }

  /** Nobody gets this answer: the life that asked has ended. */
  #die(): { rows: unknown[]; affectedRows: number } {
    const { doom } = this;
    this.doom = null;
    doom?.die();
    return { rows: [], affectedRows: 0 };
  }
}
