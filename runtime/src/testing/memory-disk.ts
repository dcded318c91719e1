/**
 * A Disk in memory that knows what has been synced: after a crash only that is certain, and of the rest any part may be
 * there. For tests of crashes. Writes of at most a sector are whole or missing; longer ones may be torn.
 */
import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../ports/disk.ts';
import type { Random } from '../ports/random.ts';
import { MemoryFile } from './memory-file.ts';

class NoSpace extends Error {
  readonly code = 'ENOSPC';
}

/** A simulated disk. */
export class MemoryDisk implements Disk {
  /** Names as the program sees them; a null is a directory. */
  #names = new Map<string, MemoryFile | null>();
  /** Names that would be there after a power cut, by directory. */
  #durableNames = new Map<string, MemoryFile | null>();
  /** Bytes that all files together may have. */
  bytesMax = Number.POSITIVE_INFINITY;
  /** Calls of sync that fail from now on. */
  isSyncBroken = false;
  /** Whether files can have several names; FAT's cannot. */
  hasLinks = true;

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
    const file = this.#names.get(path);
    return file?.read(0, file.length) ?? null;
  }

  readPiece(path: string, { from, length }: { from: number; length: number }) {
    const file = this.#names.get(path);
    if (file === undefined || file === null) return null;
    return { bytes: file.read(from, length), totalBytes: file.length };
  }

  open(path: string): DiskFile {
    const found = this.#names.get(path) ?? new MemoryFile();
    this.#names.set(path, found);
    return this.#fileOf(found);
  }

  rename(from: string, to: string): void {
    for (const [name, file] of [...this.#names]) {
      if (name !== from && !name.startsWith(`${from}/`)) continue;
      this.#names.delete(name);
      this.#names.set(to + name.slice(from.length), file);
    }
  }

  link(from: string, to: string): boolean {
    const file = this.#names.get(from);
    if (!this.hasLinks) return false;
    if (file === undefined || file === null || this.#names.has(to))
      throw new TypeError(`${from} cannot be linked to ${to}`);
    this.#names.set(to, file);
    return true;
  }

  status(path: string): { names: number; bytes: number } | null {
    const file = this.#names.get(path);
    if (file === undefined || file === null) return null;
    return { names: [...this.#names.values()].filter((other) => other === file).length, bytes: file.length };
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
    for (const [name, file] of this.#names) if (isInside(name)) this.#durableNames.set(name, file);
  }

  /** The disk that the next process finds after `kill -9`: everything written is there. */
  afterKill(): MemoryDisk {
    return this.#next(this.#names, (file) => file.written());
  }

  /** A disk that the next start may find after a power cut: what was synced, and of the rest what chance leaves. */
  afterPowerCut(random: Random): MemoryDisk {
    const names = random.share() < 0.5 ? this.#durableNames : this.#names;
    return this.#next(names, (file) => file.survivor(random));
  }

  /** A disk with these names, on which what was one file still is. */
  #next(names: ReadonlyMap<string, MemoryFile | null>, left: (file: MemoryFile) => MemoryFile): MemoryDisk {
    const disk = new MemoryDisk();
    disk.hasLinks = this.hasLinks;
    const files = new Map<MemoryFile | null, MemoryFile | null>([[null, null]]);
    for (const [name, file] of names) {
      if (file !== null && !files.has(file)) files.set(file, left(file));
      disk.#put(name, files.get(file) ?? null);
    }
    return disk;
  }

  #put(name: string, file: MemoryFile | null): void {
    this.#names.set(name, file);
    this.#durableNames.set(name, file);
  }

  #used(): number {
    return [...new Set(this.#names.values())].reduce((sum, file) => sum + (file?.length ?? 0), 0);
  }

  #fileOf(file: MemoryFile): DiskFile {
    return {
      read: (position, length) => file.read(position, length),
      write: (bytes, position) => {
        const growth = Math.max(0, position + bytes.length - file.length);
        if (growth > 0 && this.bytesMax < Number.POSITIVE_INFINITY && this.#used() + growth > this.bytesMax)
          throw new NoSpace('no space left on the simulated disk');
        file.write(bytes, position);
      },
      truncate: (length) => file.truncate(length),
      sync: () => Promise.resolve().then(() => this.#sync(file)),
      syncNow: () => this.#sync(file),
      size: () => file.length,
      close: () => undefined,
    };
  }

  #sync(file: MemoryFile): void {
    if (this.isSyncBroken) throw new NoSpace('the simulated disk cannot sync');
    file.sync();
  }
}
