/**
 * Owns how the file of a Unix socket is looked at and removed: by promises alone. A synchronous look, and the one that `rm` takes, write
 * into an array by which Node resolves symbolic links: after a look at a socket imports resolved none, and modules were not found
 * (nodejs/node#51142).
 */
import type { Stats } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';

const unlessMissing = (thrown: unknown): null => {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
  throw thrown;
};

/** What lies at the path; null when nothing does. @throws what the operating system says else */
export const statOfSocket = (path: string): Promise<Stats | null> => lstat(path).catch(unlessMissing);

/** Removes the file, if there is one. @throws what the operating system says else */
export const removeSocket = async (path: string): Promise<void> => {
  await unlink(path).catch(unlessMissing);
};
