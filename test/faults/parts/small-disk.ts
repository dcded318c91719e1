/**
 * The real disk with a bound on its space: growing a file beyond it fails as on a full disk, writing over what is there
 * does not. Counts bytes of files below one directory; knows nothing of blocks.
 */
import { fileDisk } from '@nanofleet/agent';
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';

/** A disk whose space is the test's to give. */
export interface SmallDisk extends Disk {
  /** Bytes that may still be taken. */
  free: number;
}

const full = (): TypeError =>
  Object.assign(new TypeError('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

const sizeOf = (path: string): number => fileDisk.read(path)?.length ?? 0;

const limited = (disk: SmallDisk, file: DiskFile): DiskFile => ({
  ...file,
  write: (bytes, position) => {
    const growth = Math.max(0, position + bytes.length - file.size());
    if (growth > disk.free) throw full();
    file.write(bytes, position);
    disk.free -= growth;
  },
  truncate: (length) => {
    disk.free += Math.max(0, file.size() - length);
    file.truncate(length);
  },
});

/** A disk with so many bytes free. */
export const makeSmallDisk = (free: number): SmallDisk => {
  const disk: SmallDisk = {
    ...fileDisk,
    free,
    open: (path) => limited(disk, fileDisk.open(path)),
    rename: (from, to) => {
      disk.free += sizeOf(to);
      fileDisk.rename(from, to);
    },
    unlink: (path) => {
      disk.free += sizeOf(path);
      fileDisk.unlink(path);
    },
  };
  return disk;
};
