/**
 * Data directories for the embedded database: initdb in wasm costs 3-10 s and 800 MB, so an empty cluster is made once
 * per exact version of PGlite, kept in a cache, and copied. A directory appears under its name only when it is whole:
 * a kill half-way leaves a temporary one, never a torn database. Never opens a database that holds something.
 */
import { cpSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** PGlite's CommonJS entry. Not by import.meta.resolve, which vite's module runner, where tests set up, does not have. */
const pgliteEntry = (): string => createRequire(import.meta.url).resolve('@electric-sql/pglite');

/** Exact version of PGlite: another one may write another form of cluster. */
const pgliteVersion = async (): Promise<string> => {
  const entry = pgliteEntry();
  const text = await readFile(join(dirname(dirname(entry)), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};

/** Where a cache keeps the snapshot that is copied. */
export const snapshotIn = async (cacheDirectory: string): Promise<string> =>
  join(cacheDirectory, `pglite-${await pgliteVersion()}`);

/** Runs initdb in a thread of its own, whose memory goes with it. */
const INITIALIZE = `
  const { workerData } = require('node:worker_threads');
  const { PGlite } = require(workerData.module);
  (async () => {
    const database = await PGlite.create({ dataDir: workerData.directory });
    await database.close();
  })();
`;

const initialize = (directory: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(INITIALIZE, {
      eval: true,
      workerData: { directory, module: pgliteEntry() },
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });

const exists = (directory: string): Promise<boolean> =>
  readFile(join(directory, 'PG_VERSION')).then(
    () => true,
    () => false,
  );

/** Moves a finished directory to its name; when another process was quicker, its directory is as good. */
const settle = async (finished: string, directory: string): Promise<void> => {
  await rename(finished, directory).catch(async (thrown: unknown) => {
    await rm(finished, { recursive: true, force: true });
    if (!(await exists(directory))) throw thrown;
  });
};

/** Removes copies that killed processes left; the caller holds the lock of the directory around them. */
const removeLeftovers = async (directory: string): Promise<void> => {
  const prefix = `${basename(directory)}.`;
  for (const name of await readdir(dirname(directory))) {
    if (name.startsWith(prefix)) await rm(join(dirname(directory), name), { recursive: true, force: true });
  }
};

/** Makes `directory` a fresh cluster unless it is one; `unique` names this attempt among concurrent ones. */
export const provideCluster = async (options: {
  directory: string;
  cacheDirectory: string;
  unique: string;
}): Promise<void> => {
  const { directory, cacheDirectory, unique } = options;
  if (await exists(directory)) return;
  const cached = await snapshotIn(cacheDirectory);
  await mkdir(cacheDirectory, { recursive: true });
  await mkdir(dirname(directory), { recursive: true });
  if (!(await exists(cached))) {
    await initialize(`${cached}.${unique}`);
    await settle(`${cached}.${unique}`, cached);
  }
  await removeLeftovers(directory);
  const copy = `${directory}.${unique}`;
  // A thousand small files: the asynchronous copy takes twice the time, and nothing else goes on yet.
  cpSync(cached, copy, { recursive: true });
  await settle(copy, directory);
};
