// A simulated disk on which exactly one operation goes wrong, and the list of all operations. Counts what changes the disk,
// syncs included; reading is no operation. Never decides what is right afterwards.
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';
import { MemoryDisk } from '@nanofleet/runtime/testing';

/**
 * What happens at an operation. `kill`: the process ends before it. `torn`: it ends within it, and half is done. `unsynced`: it is
 * done, then the power goes, and nothing survives that was not synced. `full`: from it on nothing can grow.
 */
export const FAULTS = ['kill', 'torn', 'unsynced', 'full'] as const;
export type Fault = (typeof FAULTS)[number];

const NOTHING_SURVIVES = { share: () => 0, bytes: (count: number) => new Uint8Array(count) };

class Ended extends Error {}

/** A disk with one fault. */
export class CrashDisk implements Disk {
  /** Every operation so far, by its name and path. */
  readonly operations: string[] = [];
  readonly #disk: MemoryDisk;
  readonly #at: number;
  readonly #fault: Fault;
  #survivor: MemoryDisk | null = null;

  /** @param plan.at the operation that goes wrong, counted from 0; infinity for none */
  constructor(disk: MemoryDisk, plan: { at: number; fault: Fault }) {
    this.#disk = disk;
    this.#at = plan.at;
    this.#fault = plan.fault;
  }

  /** Whether the process has ended. */
  get isEnded(): boolean {
    return this.#survivor !== null;
  }

  /** Whether nothing can grow any more. */
  get isFull(): boolean {
    return this.#fault === 'full' && this.operations.length > this.#at;
  }

  /** Whether the power has gone. */
  get isUnsynced(): boolean {
    return this.#fault === 'unsynced' && this.isEnded;
  }

  /** What the next start finds; a process that has not ended ends now, and a full disk has room again. */
  survivor(): MemoryDisk {
    return this.#survivor ?? this.#disk.afterKill();
  }

  makeDirectory(path: string): void {
    // It is there at each start but the first: only making it is an operation.
    const isThere = this.#disk.list(path).length > 0;
    if (isThere) return;
    this.#change(`makeDirectory ${path}`, () => this.#disk.makeDirectory(path));
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
    if (this.isEnded) throw new Ended('this process has ended');
    const file = this.#disk.open(path);
    const named = (what: string): string => `${what} ${path}`;
    return {
      read: (position, length) => file.read(position, length),
      write: (bytes, position) =>
        this.#change(
          named('write'),
          () => file.write(bytes, position),
          () => file.write(bytes.subarray(0, bytes.length >>> 1), position),
        ),
      truncate: (length) => this.#change(named('truncate'), () => file.truncate(length)),
      sync: () => Promise.resolve().then(() => this.#change(named('sync'), () => file.syncNow())),
      syncNow: () => this.#change(named('sync'), () => file.syncNow()),
      size: () => file.size(),
      close: () => file.close(),
    };
  }

  rename(from: string, to: string): void {
    this.#change(`rename ${from} ${to}`, () => this.#disk.rename(from, to));
  }

  link(from: string, to: string): boolean {
    let isLinked = true;
    this.#change(`link ${from} ${to}`, () => {
      isLinked = this.#disk.link(from, to);
    });
    return isLinked;
  }

  status(path: string) {
    return this.#disk.status(path);
  }

  unlink(path: string): void {
    if (this.#disk.read(path) === null) return;
    this.#change(`unlink ${path}`, () => this.#disk.unlink(path));
  }

  removeTree(path: string): void {
    const names = this.#disk.list(path);
    if (names.length === 0) return;
    this.#change(
      `removeTree ${path}`,
      () => this.#disk.removeTree(path),
      () => {
        for (const name of names.slice(0, names.length >>> 1)) this.#disk.removeTree(`${path}/${name}`);
      },
    );
  }

  syncDirectory(path: string): void {
    this.#change(`syncDirectory ${path}`, () => this.#disk.syncDirectory(path));
  }

  #change(name: string, whole: () => void, half: () => void = () => undefined): void {
    if (this.isEnded) throw new Ended('this process has ended');
    const isIt = this.operations.length === this.#at;
    this.operations.push(name);
    if (!isIt) return whole();
    if (this.#fault === 'full') {
      this.#disk.bytesMax = 0;
      return whole();
    }
    if (this.#fault === 'torn') half();
    if (this.#fault === 'unsynced') whole();
    this.#survivor =
      this.#fault === 'unsynced' ? this.#disk.afterPowerCut(NOTHING_SURVIVES) : this.#disk.afterKill();
    throw new Ended('the process ends here');
  }
}
