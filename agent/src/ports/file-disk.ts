/** The real Disk: node:fs. Owns modes (directories 0700, files 0600) and whole reads and writes; never decides when to sync. */

import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';

const isMissing = (thrown: unknown): boolean =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';

const readFully = (descriptor: number, position: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done === length ? bytes : bytes.subarray(0, done);
};

const readPiece = (path: string, { from, length }: { from: number; length: number }) => {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    return { bytes: readFully(descriptor, from, length), totalBytes: fstatSync(descriptor).size };
  } finally {
    closeSync(descriptor);
  }
};

const openFile = (path: string): DiskFile => {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    read: (position, length) => readFully(descriptor, position, length),
    write(bytes, position) {
      let done = 0;
      while (done < bytes.length) {
        done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
      }
    },
    truncate: (length) => ftruncateSync(descriptor, length),
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
      }),
    syncNow: () => fdatasyncSync(descriptor),
    size: () => fstatSync(descriptor).size,
    close: () => closeSync(descriptor),
  };
};

const orWhenMissing = <T>(read: () => T, missing: T): T => {
  try {
    return read();
  } catch (thrown) {
    if (isMissing(thrown)) return missing;
    throw thrown;
  }
};

/** What file systems without links answer, FAT among them, and one whose file has as many names as it can have. */
const UNLINKABLE: ReadonlySet<unknown> = new Set([
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
]);

const link = (from: string, to: string): boolean => {
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && UNLINKABLE.has(thrown.code)) return false;
    throw thrown;
  }
};

const statusOf = (path: string) => {
  const { nlink, size } = statSync(path, { bigint: true });
  return { names: Number(nlink), bytes: Number(size) };
};

const syncDirectory = (path: string): void => {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

/** Files of the operating system. */
export const fileDisk: Disk = {
  makeDirectory: (path) => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  },
  list: (path) => orWhenMissing(() => readdirSync(path).toSorted(), []),
  read: (path) => orWhenMissing<Uint8Array | null>(() => readFileSync(path), null),
  readPiece: (path, range) => orWhenMissing(() => readPiece(path, range), null),
  open: openFile,
  rename: renameSync,
  link,
  status: (path) => orWhenMissing(() => statusOf(path), null),
  // Not rmSync, which asks three times what is not there.
  unlink: (path) => orWhenMissing(() => unlinkSync(path), undefined),
  removeTree: (path) => rmSync(path, { recursive: true, force: true }),
  syncDirectory,
};
