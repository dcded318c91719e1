/**
 * PGlite in the memory of this thread, emptied as often as its owner likes: the real SQL of a simulated fleet. Keeps each
 * statement prepared and asks in one round, which costs a third of PGlite's own five. Knows nothing of tables; what it
 * holds is gone with the process.
 */
import { PGlite, parse, protocol } from '@electric-sql/pglite';
import { PARSERS } from './pglite-parsers.ts';

const { serialize } = protocol;
/** What may change the columns of a prepared statement is never prepared itself. */
const DEFINES = /^\s*(create|alter|drop)\b/i;

interface Statement {
  readonly name: string;
  /** Types of its parameters, as PostgreSQL numbers them. */
  readonly types: readonly number[];
}

interface RowOptions {
  readonly rowMode: 'array' | 'object';
  readonly parsers: typeof PARSERS;
}

const inOne = (...messages: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(messages));

/** A database in memory. */
export class MemoryPglite {
  readonly #database: PGlite;
  readonly #statements = new Map<string, Statement>();

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
    { rowMode = 'object' }: Partial<RowOptions> = {},
  ): Promise<{ rows: unknown[]; affectedRows: number }> {
    const options = { rowMode, parsers: PARSERS };
    const result = DEFINES.test(sql)
      ? await this.#database.query(sql, [...params], options)
      : await this.#run(await this.#statement(sql), params, options);
    return { rows: result?.rows ?? [], affectedRows: result?.affectedRows ?? 0 };
  }

  /** Drops everything. */
  async clear(): Promise<void> {
    this.#statements.clear();
    await this.#database.exec('deallocate all');
    await this.#database.exec('drop schema if exists public cascade; create schema public');
  }

  /** Ends it. */
  close(): Promise<void> {
    return this.#database.close();
  }

  async #run({ name, types }: Statement, params: readonly unknown[], options: RowOptions) {
    const values = params.map((value, index) => this.#textOf(value, types[index] ?? 0));
    const { messages } = await this.#database.execProtocol(
      inOne(
        serialize.bind({ statement: name, values }),
        serialize.describe({ type: 'P' }),
        serialize.execute({}),
        serialize.sync(),
      ),
      { syncToFs: false },
    );
    return parse.parseResults(messages, this.#database.parsers, options)[0];
  }

  async #statement(sql: string): Promise<Statement> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const name = `s${this.#statements.size}`;
    const { messages } = await this.#database.execProtocol(
      inOne(serialize.parse({ name, text: sql }), serialize.describe({ type: 'S', name }), serialize.sync()),
      { syncToFs: false },
    );
    const statement = { name, types: parse.parseDescribeStatementResults(messages) };
    this.#statements.set(sql, statement);
    return statement;
  }

  /** A parameter as PostgreSQL reads it. */
  #textOf(value: unknown, type: number): string | null {
    if (value === null || value === undefined) return null;
    const serializer = this.#database.serializers[type];
    if (serializer !== undefined) return serializer(value);
    return typeof value === 'string' ? value : JSON.stringify(value);
  }
}
