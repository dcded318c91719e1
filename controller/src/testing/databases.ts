/**
 * The databases that tests run on: the embedded one always, PostgreSQL when NANOFLEET_TEST_DATABASE_URL names one. Each
 * test file gets a directory or schema of its own. Only tests import this.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BrokenInvariant } from '@nanofleet/protocol';
import pg from 'pg';
import { systemRandom } from '../ports/random.ts';
import type { Settings } from '../ports/settings.ts';
import { TEST_CACHE } from './migrated-cluster.ts';

/** What keeps the state. */
export type DatabaseKind = 'embedded' | 'postgres';

/** A place for one controller, gone after `drop`. */
export interface TestDatabase {
  readonly settings: Pick<Settings, 'directory' | 'databaseUrl' | 'databaseSchema' | 'cacheDirectory'>;
  drop(): Promise<void>;
}

/** Kinds of databases that are here; with NANOFLEET_REQUIRE=all PostgreSQL must be. */
export const databaseKinds = (environment = process.env): DatabaseKind[] => {
  const { NANOFLEET_REQUIRE: required, NANOFLEET_TEST_DATABASE_URL: url } = environment;
  if (url !== undefined && url !== '') return ['embedded', 'postgres'];
  if (required === 'all')
    throw new BrokenInvariant('NANOFLEET_REQUIRE=all needs NANOFLEET_TEST_DATABASE_URL');
  return ['embedded'];
};

/** A new, empty place. */
export const makeTestDatabase = async (kind: DatabaseKind): Promise<TestDatabase> => {
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-controller-'));
  const remove = () => rm(directory, { recursive: true, force: true });
  const common = { directory, cacheDirectory: TEST_CACHE };
  if (kind === 'embedded') {
    return { settings: { ...common, databaseUrl: null, databaseSchema: 'public' }, drop: remove };
  }
  const databaseUrl = process.env['NANOFLEET_TEST_DATABASE_URL'] ?? '';
  const databaseSchema = `test_${Buffer.from(systemRandom.bytes(6)).toString('hex')}`;
  const drop = async () => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(`drop schema if exists ${databaseSchema} cascade`);
    await client.end();
    await remove();
  };
  return { settings: { ...common, databaseUrl, databaseSchema }, drop };
};
