/**
 * Moves a fleet from the embedded database to PostgreSQL or back: every row and blob into an empty one, counted and compared
 * before it counts. Where they came from stays as it is. Never runs beside a controller.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestSchema, NanofleetError } from '@nanofleet/protocol';
import { type Random, randomHex } from '@nanofleet/runtime/ports';
import type { Database } from '../db/database.ts';
import { migrateDatabase } from '../db/migrate.ts';
import {
  connectDatabase,
  knownMigrations,
  type OpenDatabase,
  openDatabase,
  type Wanted,
} from '../db/open-database.ts';
import { BlobArchive } from '../models/blob-archive.ts';
import { BlobStore } from '../models/blob-store.ts';
import { requireSame } from './restore-backup.ts';
import { GATHERING } from './state-files.ts';
import { syncOne, syncTree } from './sync.ts';
import { readRows, resumeNumbers, Tallies, tablesIn, writeRows } from './table-rows.ts';

const UNIQUE_BYTES = 6;

/** From where to where: of one directory, one side with an address of PostgreSQL and one without. */
export interface Move {
  readonly from: Wanted;
  readonly to: Wanted;
  readonly random: Random;
}

/** What was moved. */
export interface Moved {
  readonly tables: number;
  readonly rows: number;
  readonly blobs: number;
}

/**
 * Moves; the caller holds the lock of the directory.
 * @throws NanofleetError STATE_NOT_EMPTY, STATE_CORRUPT, DATABASE_UNAVAILABLE; then the target is as before
 */
export const moveDatabase = async ({ from, random, to }: Move): Promise<Moved> => {
  if (from.databaseUrl === null && !existsSync(join(from.directory, 'db')))
    throw nothingThere(from.directory);
  if (to.databaseUrl === null && existsSync(join(to.directory, 'db'))) throw notEmpty(to.directory);
  // Brought up to date first: both sides then have the same tables.
  const source = await openDatabase(from, randomHex(random, UNIQUE_BYTES));
  try {
    const unique = randomHex(random, UNIQUE_BYTES);
    return to.databaseUrl === null
      ? await intoEmbedded(source.database, { to, unique })
      : await intoPostgres(source.database, { to, unique });
  } finally {
    await source.close();
  }
};

const intoEmbedded = async (
  source: Database,
  { to, unique }: { to: Wanted; unique: string },
): Promise<Moved> => {
  const gathering = join(to.directory, GATHERING);
  await rm(gathering, { recursive: true, force: true });
  await mkdir(gathering, { recursive: true, mode: 0o700 });
  try {
    const opened = await connectDatabase({ ...to, directory: gathering }, unique);
    const moved = await closing(opened, () => copyInto(opened, source, to));
    const blobs = await fetchBlobs(new BlobArchive(source), to.directory);
    await syncTree(gathering);
    await rename(join(gathering, 'db'), join(to.directory, 'db'));
    await syncOne(to.directory);
    return { ...moved, blobs };
  } finally {
    await rm(gathering, { recursive: true, force: true });
  }
};

const intoPostgres = async (
  source: Database,
  { to, unique }: { to: Wanted; unique: string },
): Promise<Moved> => {
  const opened = await connectDatabase(to, unique);
  try {
    const moved = await copyInto(opened, source, to);
    const blobs = await BlobStore.open(to.directory);
    await blobs.shareThrough(new BlobArchive(opened.database));
    const names = await readdir(join(to.directory, 'blobs'));
    return { ...moved, blobs: names.filter((name) => digestSchema.safeParse(name).success).length };
  } finally {
    await opened.close();
  }
};

/** Does something with a database and closes it. */
const closing = async <T>(opened: OpenDatabase, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } finally {
    await opened.close();
  }
};

/** All rows of one moment into one transaction. */
const copyInto = (
  { database }: { database: Database },
  source: Database,
  to: Wanted,
): Promise<{ tables: number; rows: number }> =>
  database.transaction(async (given) => {
    const target = given as Database;
    // A new embedded one may come from a cache of clusters that have the schema.
    const isNew = to.databaseUrl === null;
    if (!isNew && (await tablesIn(target)).length > 0) throw notEmpty('the database at DATABASE_URL');
    await migrateDatabase(target, { migrations: knownMigrations(), schema: to.databaseSchema });
    const tallies = new Tallies();
    await source.transaction(
      async (moment) => {
        for await (const portion of readRows(moment)) {
          tallies.add(portion);
          await writeRows(target, portion);
        }
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    );
    const tables = tallies.shown();
    await requireSame(target, tables);
    await resumeNumbers(target);
    const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0);
    return { tables: Object.keys(tables).length, rows };
  });

const fetchBlobs = async (archive: BlobArchive, directory: string): Promise<number> => {
  const blobs = await BlobStore.open(directory);
  const all = await archive.all();
  for (const { digest } of all) {
    if ((await blobs.size(digest)) === null) await blobs.put(digest, archive.read(digest));
  }
  return all.length;
};

const nothingThere = (directory: string) =>
  new NanofleetError('STATE_CORRUPT', `${directory} holds no embedded database that could be moved.`, {
    facts: { path: directory },
  });

const notEmpty = (place: string) =>
  new NanofleetError('STATE_NOT_EMPTY', `${place} holds tables already; move into an empty one.`, {
    facts: { place },
  });
