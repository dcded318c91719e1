/**
 * A Disk in memory that knows what has been synced: after a crash only that is certain, and of the rest any part may be
 * there. For tests of crashes. Writes of at most a sector are whole or missing; longer ones may be torn.
 */
import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../ports/disk.ts';
import type { Random } from '../ports/random.ts';

const SECTOR_BYTES = 512;

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** One file: what is certain, and what was written since. */
class Inode {
  durable: Uint8Array = new Uint8Array();
  current: Uint8Array = new Uint8Array();
  unsynced: (Write | { readonly truncatedTo: number })[] = [];

  sync(): void {
    this.durable = this.current.slice();
    this.unsynced = [];
  }
}

class NoSpace extends Error {
  readonly code = 'ENOSPC';
}

/** A simulated disk. */
export class MemoryDisk implements Disk {
  /** Names as the program sees them; a null is a directory. */
  #names = new Map<string, Inode | null>();
  /** Names that would be there after a power cut, by directory. */
  #durableNames = new Map<string, Inode | null>();
  /** Bytes that all files together may have. */
  bytesMax = Number.POSITIVE_INFINITY;
  /** Calls of sync that fail from now on. */
  isSyncBroken = false;

  makeDirectory(path: string): void {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      if (this.#names.has(at)) continue;
      this.#names.set(at, null);
      this.#durableNames.set(at, null);
    }
  }

  list(path: string): string[] {
    const prefix = `${path}/`;
    const inside = [...this.#names.keys()].filter((name) => name.startsWith(prefix));
    return [...new Set(inside.map((name) => name.slice(prefix.length).split('/')[0] ?? ''))].toSorted();
  }

  read(path: string): Uint8Array | null {
    return this.#names.get(path)?.current.slice() ?? null;
  }

  readPiece(path: string, { from, length }: { from: number; length: number }) {
    const bytes = this.read(path);
    return bytes === null ? null : { bytes: bytes.subarray(from, from + length), totalBytes: bytes.length };
  }

  open(path: string): DiskFile {
    const found = this.#names.get(path) ?? new Inode();
    this.#names.set(path, found);
    return this.#fileOf(found);
  }

  rename(from: string, to: string): void {
    for (const [name, inode] of [...this.#names]) {
      if (name !== from && !name.startsWith(`${from}/`)) continue;
      this.#names.delete(name);
      this.#names.set(to + name.slice(from.length), inode);
    }
  }

  unlink(path: string): void {
    this.#names.delete(path);
  }

  removeTree(path: string): void {
    for (const name of [...this.#names.keys()]) {
      if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name);
    }
  }

  syncDirectory(path: string): void {
    const isInside = (name: string): boolean => name.startsWith(`${path}/`);
    for (const name of [...this.#durableNames.keys()]) if (isInside(name)) this.#durableNames.delete(name);
    for (const [name, inode] of this.#names) if (isInside(name)) this.#durableNames.set(name, inode);
  }

  /** The disk that the next process finds after `kill -9`: everything written is there. */
  afterKill(): MemoryDisk {
    const disk = new MemoryDisk();
    for (const [name, inode] of this.#names) disk.#put(name, inode?.current ?? null);
    return disk;
  }

  /** A disk that the next start may find after a power cut: what was synced, and of the rest what chance leaves. */
  afterPowerCut(random: Random): MemoryDisk {
    const disk = new MemoryDisk();
    const names = random.share() < 0.5 ? this.#durableNames : this.#names;
    for (const [name, inode] of names) disk.#put(name, inode === null ? null : survivors(inode, random));
    return disk;
  }

  #put(name: string, bytes: Uint8Array | null): void {
    const inode = bytes === null ? null : new Inode();
    if (inode !== null && bytes !== null) {
      inode.current = bytes.slice();
      inode.durable = bytes.slice();
    }
    this.#names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  #used(): number {
    return [...new Set(this.#names.values())].reduce((sum, inode) => sum + (inode?.current.length ?? 0), 0);
  }

  #fileOf(inode: Inode): DiskFile {
    return {
      read: (position, length) => inode.current.slice(position, position + length),
      write: (bytes, position) => {
        const growth = Math.max(0, position + bytes.length - inode.current.length);
        if (growth > 0 && this.#used() + growth > this.bytesMax)
          throw new NoSpace('no space left on the simulated disk');
        inode.current = overwritten(inode.current, { position, bytes });
        inode.unsynced.push({ position, bytes: bytes.slice() });
      },
      truncate: (length) => {
        inode.current = inode.current.slice(0, length);
        inode.unsynced.push({ truncatedTo: length });
      },
      sync: () => Promise.resolve().then(() => this.#sync(inode)),
      syncNow: () => this.#sync(inode),
      size: () => inode.current.length,
      close: () => undefined,
    };
  }

  #sync(inode: Inode): void {
    if (this.isSyncBroken) throw new NoSpace('the simulated disk cannot sync');
    inode.sync();
  }
}

const overwritten = (before: Uint8Array, { position, bytes }: Write): Uint8Array => {
  const after = position + bytes.length > before.length ? new Uint8Array(position + bytes.length) : before;
  if (after !== before) after.set(before);
  after.set(bytes, position);
  return after;
};

const survivors = ({ durable, unsynced }: Inode, random: Random): Uint8Array => {
  let bytes: Uint8Array = durable.slice();
  for (const step of unsynced) {
    const chance = random.share();
    if (chance < 0.3) continue;
    if ('truncatedTo' in step) bytes = bytes.slice(0, step.truncatedTo);
    else if (chance < 0.5 && step.bytes.length > SECTOR_BYTES) {
      bytes = overwritten(bytes, {
        ...step,
        bytes: step.bytes.subarray(0, Math.floor(step.bytes.length / 2)),
      });
    } else bytes = overwritten(bytes, step);
  }
  return bytes;
};
