/**
 * PGlite in the memory of this thread, emptied as often as its owner likes: the real SQL of a simulated fleet. Knows
 * nothing of tables; what it holds is gone with the process.
 */
import { PGlite } from '@electric-sql/pglite';
import { PARSERS } from './pglite-parsers.ts';

/** A database in memory. */
export class MemoryPglite {
  readonly #database: PGlite;

  private constructor(database: PGlite) {
    this.#database = database;
  }

  /** Makes one; costs some seconds, because a cluster is made. */
  static async create(): Promise<MemoryPglite> {
    return new MemoryPglite(await PGlite.create());
  }

  /** One query on the one connection, as drizzle's driver asks it. */
  async query(
    sql: string,
    params: readonly unknown[] = [],
    { rowMode = 'object' }: { readonly rowMode?: 'array' | 'object' } = {},
  ): Promise<{ rows: unknown[]; affectedRows: number }> {
    const { affectedRows, rows } = await this.#database.query(sql, [...params], {
      rowMode,
      parsers: PARSERS,
    });
    return { rows, affectedRows: affectedRows ?? 0 };
  }

  /** Drops everything. */
  async clear(): Promise<void> {
    await this.#database.exec('drop schema if exists public cascade; create schema public');
  }

  /** Ends it. */
  close(): Promise<void> {
    return this.#database.close();
  }
}
