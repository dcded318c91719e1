/**
 * Puts a whole restore in the place of what is there, in steps each of which can be the last one before a kill: the next
 * start of a controller, or of a restore, goes on. What was there stays in a folder of its own. Never looks into a
 * database but to ask whether it has committed.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ARRIVING, GATHERED, isPassing, REPLACED } from './state-files.ts';
import { syncOne } from './sync.ts';

/** In a gathered restore: which one it is, and what must have committed before it counts. */
const MARK = 'restore.json';
const markSchema = z.object({ id: z.string(), database: z.enum(['embedded', 'postgres']) });
type Mark = z.infer<typeof markSchema>;

/** Whether a database holds the rows of a restore. */
export type HasCommitted = (id: string) => Promise<boolean>;

/** Notes in a folder what it is. */
export const markBytes = (mark: Mark): string => JSON.stringify(mark);
/** Where that stands. */
export const MARK_FILE = MARK;

/** Whether something is left to be done. */
export const isUnsettled = (directory: string): boolean =>
  existsSync(join(directory, GATHERED)) || existsSync(join(directory, ARRIVING));

/**
 * Finishes a restore that was gathered, or forgets one whose database never committed. To be called by whoever holds the
 * lock of the directory.
 */
export const settleRestored = async (directory: string, hasCommitted: HasCommitted): Promise<void> => {
  const gathered = join(directory, GATHERED);
  const arriving = join(directory, ARRIVING);
  if (existsSync(gathered)) {
    const mark = await readMark(gathered);
    if (mark.database === 'postgres' && !(await hasCommitted(mark.id))) {
      await rm(gathered, { recursive: true, force: true });
    } else {
      await setAside(directory, join(directory, `${REPLACED}${mark.id}`));
      await rename(gathered, arriving);
      await syncOne(directory);
    }
  }
  if (existsSync(arriving)) await moveIn(arriving, directory);
};

const readMark = async (gathered: string): Promise<Mark> =>
  markSchema.parse(JSON.parse(await readFile(join(gathered, MARK), 'utf8')));

const setAside = async (directory: string, aside: string): Promise<void> => {
  const names = (await readdir(directory)).filter((name) => !isPassing(name));
  if (names.length === 0) return;
  await mkdir(aside, { recursive: true, mode: 0o700 });
  for (const name of names) await rename(join(directory, name), join(aside, name));
  await syncOne(aside);
  await syncOne(directory);
};

const moveIn = async (arriving: string, directory: string): Promise<void> => {
  for (const name of await readdir(arriving)) {
    if (name !== MARK) await rename(join(arriving, name), join(directory, name));
  }
  await rm(arriving, { recursive: true, force: true });
  await syncOne(directory);
};
