/**
 * Restores a backup into an empty state directory and database, or in the place of what is there when told so. All of it
 * or nothing: rows in one transaction or in a new embedded database, files in a folder that gets its name when it is
 * whole. Applies what an operator must say about the time after the backup.
 */
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DeviceId, digestSchema, NanofleetError } from '@nanofleet/protocol';
import { type Clock, type Random, randomHex } from '@nanofleet/runtime/ports';
import { sql } from 'drizzle-orm';
import { type Database, rowsOf } from '../db/database.ts';
import { migrateDatabase } from '../db/migrate.ts';
import { connectDatabase, knownMigrations, type Wanted } from '../db/open-database.ts';
import { BlobArchive } from '../models/blob-archive.ts';
import { afterRestore, RESTORED } from './after-restore.ts';
import type { About, BackupSummary } from './backup-format.ts';
import { type BackupTaker, readBackup } from './read-backup.ts';
import { MARK_FILE, markBytes, settleRestored } from './restored-state.ts';
import type { Opener } from './sealing.ts';
import { GATHERED, GATHERING } from './state-files.ts';
import { syncOne, syncTree } from './sync.ts';
import {
  type Portion,
  readRows,
  resumeNumbers,
  Tallies,
  type Tally,
  tablesIn,
  writeRows,
} from './table-rows.ts';

const UNIQUE_BYTES = 6;

/** What is restored where. */
export interface Restore {
  readonly file: string;
  readonly opener: Opener;
  readonly wanted: Wanted;
  /** Whether what is there may be replaced. */
  readonly replaces: boolean;
  /** Devices that were revoked after the backup was made, as the operator knows. */
  readonly revoked: readonly DeviceId[];
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Restores; the caller holds the lock of the directory.
 * @throws NanofleetError STATE_NOT_EMPTY, BACKUP_INVALID, BACKUP_LOCKED, BACKUP_NEWER, DEVICE_UNKNOWN; then everything is as before
 */
export const restoreBackup = async (restore: Restore): Promise<BackupSummary> => {
  const { directory, databaseUrl } = restore.wanted;
  await settleRestored(directory, (id) => hasCommitted(restore.wanted, id));
  const gathering = join(directory, GATHERING);
  await rm(gathering, { recursive: true, force: true });
  if (!restore.replaces && existsSync(join(directory, 'db'))) throw notEmpty(directory);
  if (!restore.replaces && existsSync(join(directory, 'controller.key.pem'))) throw notEmpty(directory);
  await mkdir(gathering, { recursive: true, mode: 0o700 });
  try {
    const summary = await (databaseUrl === null ? intoEmbedded(restore) : intoPostgres(restore));
    await settleRestored(directory, () => Promise.resolve(true));
    return summary;
  } catch (thrown) {
    await rm(gathering, { recursive: true, force: true });
    await settleRestored(directory, (id) => hasCommitted(restore.wanted, id));
    throw thrown;
  }
};

const notEmpty = (place: string) =>
  new NanofleetError(
    'STATE_NOT_EMPTY',
    `${place} holds a fleet already; restore into an empty place, or replace it: --replace.`,
    { facts: { place } },
  );

/** Whether the database holds the rows of a restore. */
export const hasCommitted = async (wanted: Wanted, id: string): Promise<boolean> => {
  const opened = await connectDatabase(wanted, id);
  try {
    const [row] = await rowsOf<{ value: string }>(
      opened.database,
      sql`select value from fixtures where name = ${RESTORED}`,
    ).catch(() => []);
    return row?.value.includes(id) ?? false;
  } finally {
    await opened.close();
  }
};

const intoEmbedded = async (restore: Restore): Promise<BackupSummary> => {
  const gathering = join(restore.wanted.directory, GATHERING);
  const unique = randomHex(restore.random, UNIQUE_BYTES);
  const opened = await connectDatabase({ ...restore.wanted, directory: gathering }, unique);
  let summary: BackupSummary;
  try {
    summary = await opened.database.transaction((transaction) => fill(transaction as Database, restore));
  } finally {
    await opened.close();
  }
  await gather(restore, { id: summary.id, database: 'embedded' });
  return summary;
};

const intoPostgres = async (restore: Restore): Promise<BackupSummary> => {
  const unique = randomHex(restore.random, UNIQUE_BYTES);
  const opened = await connectDatabase(restore.wanted, unique);
  try {
    return await opened.database.transaction(async (given) => {
      const transaction = given as Database;
      await makeRoom(transaction, restore);
      const summary = await fill(transaction, restore);
      // Whole on the disk before the commit that makes it count.
      await gather(restore, { id: summary.id, database: 'postgres' });
      return summary;
    });
  } finally {
    await opened.close();
  }
};

/** Old tables are taken away as a whole: they may be of another release. */
const makeRoom = async (transaction: Database, { replaces }: Restore): Promise<void> => {
  const tables = await tablesIn(transaction);
  if (tables.length === 0) return;
  if (!replaces) throw notEmpty('the database at DATABASE_URL');
  for (const table of [...tables, 'blob_pieces', 'migrations']) {
    await transaction.execute(sql`drop table if exists ${sql.identifier(table)} cascade`);
  }
};

/** Reads the backup into a database and the gathering folder, and checks the one against the other. */
const fill = async (transaction: Database, restore: Restore): Promise<BackupSummary> => {
  const { file, opener, wanted } = restore;
  const taker = new Filling(transaction, wanted);
  const { about, summary, tables } = await readBackup(file, { opener, taker });
  await requireSame(transaction, tables);
  await taker.bringUpToDate();
  await resumeNumbers(transaction);
  await afterRestore(transaction, {
    restored: { id: summary.id, createdAt: about.createdAt, at: restore.clock.unixMs() },
    revoked: restore.revoked,
  });
  return summary;
};

const gather = async (
  { wanted: { directory } }: Restore,
  mark: { id: string; database: 'embedded' | 'postgres' },
): Promise<void> => {
  const gathering = join(directory, GATHERING);
  await writeFile(join(gathering, MARK_FILE), markBytes(mark));
  await syncTree(gathering);
  await rename(gathering, join(directory, GATHERED));
  await syncOne(directory);
};

/** What was written is read again: nothing else shows that a database took it as it was. */
export const requireSame = async (
  transaction: Database,
  tables: Readonly<Record<string, Tally>>,
): Promise<void> => {
  const tallies = new Tallies();
  for await (const portion of readRows(transaction)) tallies.add(portion);
  const found = tallies.shown();
  for (const [table, { digest, rows }] of Object.entries(tables)) {
    if (found[table]?.rows === rows && found[table].digest === digest) continue;
    throw new NanofleetError(
      'STATE_CORRUPT',
      `The table ${table} has ${found[table]?.rows ?? 0} rows after ${rows} were put into it, or other ones; nothing was changed.`,
    );
  }
};

/** Takes the parts of a backup. */
class Filling implements BackupTaker {
  readonly #transaction: Database;
  readonly #wanted: Wanted;
  readonly #archive: BlobArchive | null;

  constructor(transaction: Database, wanted: Wanted) {
    this.#transaction = transaction;
    this.#wanted = wanted;
    this.#archive = wanted.databaseUrl === null ? null : new BlobArchive(transaction);
  }

  /** Makes the tables as they were, so that later migrations find rows as they expect them. */
  async about({ migrations: seen }: About): Promise<void> {
    const known = knownMigrations();
    const unknown = seen.filter((hash) => !known.some((migration) => migration.hash === hash));
    if (unknown.length > 0) {
      throw new NanofleetError(
        'BACKUP_NEWER',
        `The backup is of a newer release: ${unknown.length} of its migrations are unknown here. Install that release.`,
      );
    }
    const migrations = known.filter(({ hash }) => seen.includes(hash));
    await migrateDatabase(this.#transaction, { migrations, schema: this.#wanted.databaseSchema });
  }

  /** Runs the migrations that came after the backup. */
  async bringUpToDate(): Promise<void> {
    const schema = this.#wanted.databaseSchema;
    await migrateDatabase(this.#transaction, { migrations: knownMigrations(), schema });
  }

  async rows(portion: Portion): Promise<void> {
    await writeRows(this.#transaction, portion);
  }

  async state(name: string, bytes: Buffer): Promise<void> {
    const path = join(this.#wanted.directory, GATHERING, ...name.split('/'));
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, bytes, { mode: 0o600, flag: 'wx' });
  }

  async blob(digest: string, content: AsyncIterable<Buffer>): Promise<void> {
    const folder = join(this.#wanted.directory, GATHERING, 'blobs');
    await mkdir(folder, { recursive: true });
    const file = await open(join(folder, digest), 'wx');
    try {
      for await (const part of content) await file.writeFile(part);
    } finally {
      await file.close();
    }
    await this.#archive?.put(digestSchema.parse(digest), createReadStream(join(folder, digest)));
  }
}
