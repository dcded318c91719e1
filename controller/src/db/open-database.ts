/**
 * Opens the database that the settings name, PostgreSQL or the embedded one, and brings its schema up to date. The
 * only file that knows the two drivers. Never runs a query of the domains.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { PGlite } from '@electric-sql/pglite';
import { NanofleetError } from '@nanofleet/protocol';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import type { Settings } from '../ports/settings.ts';
import type { Database } from './database.ts';
import { provideCluster } from './empty-cluster.ts';
import { migrateDatabase } from './migrate.ts';
import { PgliteClient } from './pglite-client.ts';

/** An open database, its schema current. */
export interface OpenDatabase {
  readonly database: Database;
  readonly kind: 'embedded' | 'postgres';
  close(): Promise<void>;
}

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
/** Connections to PostgreSQL; ingest, operators and broker logins seldom need more at once. */
const CONNECTIONS_MAX = 8;
const CONNECT_TIMEOUT_MS = 5_000;

/** Which database. */
export type Wanted = Pick<Settings, 'directory' | 'databaseUrl' | 'databaseSchema' | 'cacheDirectory'>;

/**
 * Opens and migrates.
 * @throws NanofleetError DATABASE_UNAVAILABLE when PostgreSQL does not answer, STATE_CORRUPT when the embedded
 * directory cannot be opened.
 */
export const openDatabase = async (wanted: Wanted, unique: string): Promise<OpenDatabase> => {
  const open = await connectDatabase(wanted, unique);
  try {
    await bringUpToDate(open.database, wanted.databaseSchema);
    return open;
  } catch (thrown) {
    await open.close().catch(() => undefined);
    throw open.kind === 'embedded' ? corrupt(wanted.directory, thrown) : unavailable(thrown);
  }
};

/** Opens, whatever tables there are or are not; @throws as `openDatabase` */
export const connectDatabase = (wanted: Wanted, unique: string): Promise<OpenDatabase> =>
  wanted.databaseUrl === null
    ? openEmbedded(wanted, unique)
    : openPostgres(wanted.databaseUrl, wanted.databaseSchema);

const bringUpToDate = (database: Database, schema: string): Promise<void> =>
  migrateDatabase(database, { migrations: knownMigrations(), schema });

/** The migrations of this release in their order. */
export const knownMigrations = (): readonly MigrationMeta[] => {
  read ??= readMigrationFiles({ migrationsFolder: MIGRATIONS });
  return read;
};
let read: readonly MigrationMeta[] | null = null;

/** What drizzle's driver of PGlite calls. */
export type PgliteConnection = Pick<PgliteClient, 'query' | 'transaction'>;

/** The database over a connection that is open already, brought up to date. */
export const openOver = async (connection: PgliteConnection): Promise<Database> => {
  const database = await drizzled(connection);
  await bringUpToDate(database, 'public');
  return database;
};

const drizzled = async (connection: PgliteConnection): Promise<Database> => {
  const { drizzle } = await import('drizzle-orm/pglite');
  // The driver calls `query` and `transaction` only; both are there.
  return drizzle(connection as unknown as PGlite, { casing: 'snake_case' });
};

const corrupt = (directory: string, cause: unknown) =>
  new NanofleetError(
    'STATE_CORRUPT',
    `The database below ${directory} cannot be opened. Put a backup of ${join(directory, 'db')} back, or move ` +
      'that folder away to begin with an empty one: devices then have to enrol again.',
    { cause, facts: { directory } },
  );

const unavailable = (cause: unknown) =>
  new NanofleetError(
    'DATABASE_UNAVAILABLE',
    'PostgreSQL at DATABASE_URL does not answer or refuses this user; check address, user and rights.',
    { cause },
  );

const openEmbedded = async (wanted: Wanted, unique: string): Promise<OpenDatabase> => {
  const directory = join(wanted.directory, 'db');
  refuseForeign(directory, wanted.directory);
  await provideCluster({ directory, cacheDirectory: wanted.cacheDirectory, unique });
  const client = await connectThread(directory);
  try {
    await client.opened();
  } catch (thrown) {
    throw corrupt(wanted.directory, thrown);
  }
  return { database: await drizzled(client), kind: 'embedded', close: () => client.close() };
};

/** A folder that holds something but no cluster was damaged: making a new one in it would hide that. */
const refuseForeign = (directory: string, stateDirectory: string): void => {
  if (!existsSync(directory) || existsSync(join(directory, 'PG_VERSION'))) return;
  if (readdirSync(directory).length > 0) throw corrupt(stateDirectory, 'PG_VERSION is missing');
};

const connectThread = async (directory: string): Promise<PgliteClient> => {
  if (import.meta.url.endsWith('.ts')) {
    // Run from source, which Node 20 cannot load in a worker thread: serve from this thread.
    const { servePglite } = await import('./pglite-thread.ts');
    const { port1, port2 } = new MessageChannel();
    const client = new PgliteClient(port1);
    void servePglite(port2, directory);
    return client;
  }
  return new PgliteClient(
    new Worker(new URL('./pglite-thread.js', import.meta.url), {
      workerData: { pgliteDirectory: directory },
    }),
  );
};

const openPostgres = async (url: string, schema: string): Promise<OpenDatabase> => {
  const [{ default: pg }, { drizzle }] = await Promise.all([
    import('pg'),
    import('drizzle-orm/node-postgres'),
  ]);
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: `-c search_path=${schema}`,
  });
  // A lost idle connection is no event of its own: the next query reports what is wrong.
  pool.on('error', () => undefined);
  const database = drizzle(pool, { casing: 'snake_case' }) as unknown as Database;
  return { database, kind: 'postgres', close: () => pool.end() };
};
