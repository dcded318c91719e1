/**
 * Brings a schema up to date: runs the migrations that it has not seen, in one transaction. Ours instead of drizzle's,
 * because that one asks four questions over a connection before it finds nothing to do, and cannot keep two
 * controllers apart. Never goes back.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { MigrationMeta } from 'drizzle-orm/migrator';
import { type Database, type Queries, rowsOf } from './database.ts';

/** Any number: the same for all controllers of one database. */
const MIGRATION_LOCK = 7_210_418;

/** Runs what is missing. */
export const migrateDatabase = async (
  database: Database,
  options: { migrations: readonly MigrationMeta[]; schema: string },
): Promise<void> => {
  await database.transaction(async (transaction) => {
    await transaction.execute(sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const table = await provideTable(transaction, options.schema);
    const seen = new Set(
      (await rowsOf<{ hash: string }>(transaction, sql`select hash from ${table}`)).map((row) => row.hash),
    );
    for (const migration of options.migrations.filter(({ hash }) => !seen.has(hash))) {
      for (const statement of migration.sql) await transaction.execute(sql.raw(statement));
      await transaction.execute(sql`insert into ${table} (hash) values (${migration.hash})`);
    }
  });
};

/** Whether all of some migrations have run; others may have, which a newer controller brought. */
export const isMigrated = async (
  database: Queries,
  migrations: readonly MigrationMeta[],
): Promise<boolean> => {
  const rows = await rowsOf<{ hash: string }>(database, sql`select hash from migrations`);
  const seen = new Set(rows.map(({ hash }) => hash));
  return migrations.every(({ hash }) => seen.has(hash));
};

const provideTable = async (database: Queries, schema: string): Promise<SQL> => {
  await database.execute(sql`create schema if not exists ${sql.identifier(schema)}`);
  const table = sql`${sql.identifier(schema)}.${sql.identifier('migrations')}`;
  await database.execute(sql`create table if not exists ${table} (hash text primary key)`);
  return table;
};
