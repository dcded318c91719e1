/** Brings what was written to the disk, so that a power cut finds all of it. Owns nothing. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One file, or the names in one directory. */
export const syncOne = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Everything below a directory, and its names. */
export const syncTree = async (directory: string): Promise<void> => {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncOne(path);
  }
  await syncOne(directory);
};
