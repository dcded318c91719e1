/**
 * A whole database of its own on the PostgreSQL that NANOFLEET_TEST_DATABASE_URL names, for programs that are only given
 * an address. Only tests and benchmarks import this.
 */
import { BrokenInvariant } from '@nanofleet/protocol';
import pg from 'pg';
import { systemRandom } from '../ports/random.ts';
import { databaseKinds } from './databases.ts';

/** A database, gone after `drop`. */
export interface ScratchDatabase {
  readonly url: string;
  /** Rows of one statement. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Lets go of it, so that copies can be made; no query after this. */
  rest(): Promise<void>;
  drop(): Promise<void>;
}

/** Address of the server for tests; null when there is none (with NANOFLEET_REQUIRE=all there must be). */
export const scratchServer = (environment = process.env): string | null =>
  databaseKinds(environment).includes('postgres')
    ? (environment['NANOFLEET_TEST_DATABASE_URL'] ?? null)
    : null;

const once = async (url: string, statement: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};

/**
 * Makes a database, on a server that was started for it or on that of the tests: an empty one, or a copy of another that nobody is
 * connected to.
 */
export const makeScratchDatabase = async (
  server = scratchServer(),
  template?: ScratchDatabase,
): Promise<ScratchDatabase> => {
  if (server === null) throw new BrokenInvariant('NANOFLEET_TEST_DATABASE_URL names no PostgreSQL');
  const name = `nanofleet_${Buffer.from(systemRandom.bytes(6)).toString('hex')}`;
  const like = template === undefined ? '' : ` template ${new URL(template.url).pathname.slice(1)}`;
  await once(server, `create database ${name}${like}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  // A lost idle connection is no event of its own: the next query reports what is wrong.
  pool.on('error', () => undefined);
  return {
    url: url.href,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query(text, [...values])).rows as Row[],
    rest: () => pool.end(),
    drop: async () => {
      if (!pool.ended) await pool.end();
      await once(server, `drop database if exists ${name} with (force)`);
    },
  };
};
