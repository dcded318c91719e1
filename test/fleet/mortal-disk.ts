// The disk of one process: what it does goes to the device's disk until the process ends, and its end may come at any
// change of the disk, before, within or after it. Never decides when.
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';
import type { MemoryDisk } from '@nanofleet/runtime/testing';
import type { Life } from './life.ts';

/** Writes over this may be cut in two by a kill. */
const WHOLE_BYTES = 4_096;

/** A planned death: at the change after so many more. */
export interface DiskDoom {
  changesLeft: number;
  readonly at: 'before' | 'within' | 'after';
  readonly die: () => void;
}

/** A disk that knows whose it is. */
export class MortalDisk implements Disk {
  readonly #disk: MemoryDisk;
  readonly #life: Life;
  doom: DiskDoom | null = null;
  changes = 0;

  constructor(disk: MemoryDisk, life: Life) {
    this.#disk = disk;
    this.#life = life;
  }

  makeDirectory(path: string): void {
    this.#change(() => this.#disk.makeDirectory(path));
  }

  list(path: string): string[] {
    return this.#disk.list(path);
  }

  read(path: string): Uint8Array | null {
    return this.#disk.read(path);
  }

  readPiece(path: string, range: { from: number; length: number }) {
    return this.#disk.readPiece(path, range);
  }

  open(path: string): DiskFile {
    const file = this.#disk.open(path);
    return {
      read: (position, length) => file.read(position, length),
      write: (bytes, position) =>
        this.#change(
          () => file.write(bytes, position),
          () => {
            if (bytes.length > WHOLE_BYTES) file.write(bytes.subarray(0, bytes.length >>> 1), position);
          },
        ),
      truncate: (length) => this.#change(() => file.truncate(length)),
      sync: () => Promise.resolve().then(() => this.#change(() => file.syncNow())),
      syncNow: () => this.#change(() => file.syncNow()),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  rename(from: string, to: string): void {
    this.#change(() => this.#disk.rename(from, to));
  }

  link(from: string, to: string): boolean {
    let isLinked = true;
    this.#change(() => {
      isLinked = this.#disk.link(from, to);
    });
    return isLinked;
  }

  status(path: string) {
    return this.#disk.status(path);
  }

  unlink(path: string): void {
    this.#change(() => this.#disk.unlink(path));
  }

  removeTree(path: string): void {
    this.#change(() => this.#disk.removeTree(path));
  }

  syncDirectory(path: string): void {
    this.#change(() => this.#disk.syncDirectory(path));
  }

  #change(whole: () => void, half: () => void = () => undefined): void {
    if (!this.#life.isAlive) return;
    this.changes += 1;
    const { doom } = this;
    if (doom !== null) doom.changesLeft -= 1;
    if (doom === null || doom.changesLeft > 0) return whole();
    this.doom = null;
    if (doom.at === 'after') whole();
    if (doom.at === 'within') half();
    doom.die();
  }
}
