/**
 * Replaces small files so that a crash leaves the old or the new content, never a mixture. Owns the order of steps
 * (write beside, sync, rename, sync the directory); never decides what is in the file.
 */

import { dirname } from 'node:path';
import type { Disk } from '@nanofleet/runtime/ports';

/** Replaces a file's content; it survives a power cut once this returns. Throws the disk's error. */
export const writeAtomically = (disk: Disk, path: string, content: Uint8Array | string): void => {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  const beside = `${path}.new`;
  disk.unlink(beside);
  const file = disk.open(beside);
  try {
    file.write(bytes, 0);
    file.syncNow();
  } finally {
    file.close();
  }
  disk.rename(beside, path);
  disk.syncDirectory(dirname(path));
};
