/**
 * A snapshot of an embedded database whose schema is current, made once per version of PGlite and of the migrations: a
 * controller under test copies it instead of running the migrations, which cost as much as the rest of its start. Never
 * touches a database of a test.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { snapshotIn } from '../db/empty-cluster.ts';

/** Snapshots of empty clusters, shared by all test files and runs. */
const EMPTY = fileURLToPath(new URL('../../../node_modules/.cache/nanofleet', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));

const digestOfMigrations = (): string => {
  const hash = createHash('sha256');
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql'));
  for (const name of names.toSorted()) hash.update(name).update(readFileSync(join(MIGRATIONS, name)));
  return hash.digest('hex').slice(0, 16);
};

const migrated = join(EMPTY, `migrated-${digestOfMigrations()}`);

/** Cache of controllers under test: with the schema where it has been made, else of empty clusters. */
export const TEST_CACHE = existsSync(migrated) ? migrated : EMPTY;

/** Makes the snapshot where there is none; it appears under its name when it is whole. */
export const makeMigratedCluster = async (): Promise<void> => {
  if (existsSync(migrated)) return;
  const { openDatabase } = await import('../db/open-database.ts');
  mkdirSync(EMPTY, { recursive: true });
  const outdated = readdirSync(EMPTY).filter((name) => name.startsWith('migrated-'));
  for (const name of outdated) rmSync(join(EMPTY, name), { recursive: true, force: true });
  const making = mkdtempSync(join(EMPTY, 'making-'));
  try {
    const place = { directory: making, cacheDirectory: EMPTY, databaseUrl: null, databaseSchema: 'public' };
    await (await openDatabase(place, 'made')).close();
    const whole = join(making, 'whole');
    const snapshot = await snapshotIn(whole);
    mkdirSync(dirname(snapshot), { recursive: true });
    renameSync(join(making, 'db'), snapshot);
    if (!existsSync(migrated)) renameSync(whole, migrated);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
};
