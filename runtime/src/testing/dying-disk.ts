/** A Disk on which the process dies at its n-th change, for tests that enumerate crashes. Never loses what was done before: `MemoryDisk` does. */
import type { Disk, DiskFile } from '../ports/disk.ts';

class Killed extends Error {}

/** A disk whose first `steps` changes happen; each later one throws, as if the process had been killed before it, and is told. */
export const dyingDisk = (inner: Disk, steps: number, died = (): void => undefined): Disk => {
  let left = steps;
  const change =
    <A extends readonly unknown[], R>(act: (...given: A) => R) =>
    (...given: A): R => {
      if (left <= 0) {
        died();
        throw new Killed('killed here');
      }
      left -= 1;
      return act(...given);
    };
  const dying = (file: DiskFile): DiskFile => ({
    ...file,
    write: change((bytes: Uint8Array, position: number) => file.write(bytes, position)),
    truncate: change((length: number) => file.truncate(length)),
    syncNow: change(() => file.syncNow()),
    sync: change(() => file.sync()),
  });
  return {
    makeDirectory: (path) => inner.makeDirectory(path),
    list: (path) => inner.list(path),
    read: (path) => inner.read(path),
    readPiece: (path, range) => inner.readPiece(path, range),
    open: (path) => dying(inner.open(path)),
    rename: change((from: string, to: string) => inner.rename(from, to)),
    link: change((from: string, to: string) => inner.link(from, to)),
    status: (path) => inner.status(path),
    unlink: change((path: string) => inner.unlink(path)),
    removeTree: change((path: string) => inner.removeTree(path)),
    syncDirectory: change((path: string) => inner.syncDirectory(path)),
  };
};
