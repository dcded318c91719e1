/**
 * Removes a file so that its content is gone, as far as a program can see to that: overwritten, synced, cut, unlinked, the directory
 * synced. A flash disk may still hold old copies of its own; full-disk encryption is the answer to that.
 */
import { dirname } from 'node:path';
import type { Disk } from '@nanofleet/runtime/ports';

const ZEROS = new Uint8Array(64 * 1024);

/** Erases a file; returns how many bytes it had, null when there is none. Throws the disk's error. */
export const eraseFile = (disk: Disk, path: string): number | null => {
  if (disk.readPiece(path, { from: 0, length: 1 }) === null) return null;
  const file = disk.open(path);
  const bytes = file.size();
  try {
    for (let at = 0; at < bytes; at += ZEROS.length) file.write(ZEROS.subarray(0, bytes - at), at);
    file.syncNow();
    file.truncate(0);
    file.syncNow();
  } finally {
    file.close();
  }
  disk.unlink(path);
  disk.syncDirectory(dirname(path));
  return bytes;
};
