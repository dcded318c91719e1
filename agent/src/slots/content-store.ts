/**
 * The files of all bundles of a device by their content: `content/{sha256}`, each one more name of the very file that lies in the
 * bundles which hold it. So the file system counts the references, a file of several versions or lines is there once, and no crash can
 * make a count wrong. Owns the bound of all bytes; never trusts a name: what is taken is read and compared first.
 */
import { join } from 'node:path';
import {
  type BundleFile,
  CONTENT_BYTES_MAX,
  CONTENT_SPARE_BYTES_MAX,
  NanofleetError,
  type StoredFile,
} from '@nanofleet/protocol';
import type { Disk } from '@nanofleet/runtime/ports';
import { digestOf } from './blob-fetch.ts';

/** Bounds in bytes. */
export interface ContentBounds {
  /** Of everything. */
  readonly bytesMax: number;
  /** Of what no bundle holds any more. */
  readonly spareBytesMax: number;
}

const BOUNDS: ContentBounds = { bytesMax: CONTENT_BYTES_MAX, spareBytesMax: CONTENT_SPARE_BYTES_MAX };

interface Kept {
  readonly name: string;
  readonly bytes: number;
  readonly isSpare: boolean;
}

/** The files. On a file system without hard links it stays empty, and each bundle has copies of its own. */
export class ContentStore {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #bounds: ContentBounds;

  /** @param directory on the file system of the bundles */
  constructor(disk: Disk, directory: string, bounds: ContentBounds = BOUNDS) {
    this.#disk = disk;
    this.#directory = directory;
    this.#bounds = bounds;
    disk.makeDirectory(directory);
  }

  /** Puts a file in its place if it is here and is what its name says; whether it was. */
  take({ sha256 }: StoredFile, path: string): boolean {
    const kept = this.#pathOf(sha256);
    if (this.#disk.status(kept) === null) return false;
    if (digestOf(this.#disk, kept) !== sha256) {
      this.#disk.unlink(kept);
      return false;
    }
    this.#disk.unlink(path);
    return this.#disk.link(kept, path);
  }

  /** Keeps a file that lies in a bundle, for the next one that holds it. */
  keep({ sha256 }: StoredFile, path: string): void {
    const kept = this.#pathOf(sha256);
    if (this.#disk.status(kept) === null && this.#disk.status(path) !== null) this.#disk.link(path, kept);
  }

  /**
   * Sees to it that the files of a bundle fit below the bound beside what bundles hold.
   * @throws NanofleetError STORE_FULL
   */
  makeRoom(files: readonly BundleFile[]): void {
    const here = this.#list();
    const names = new Set(here.map(({ name }) => name));
    const wanted = new Set(files.map(({ sha256 }) => sha256));
    const needed = files
      .filter(({ sha256 }) => !names.has(sha256))
      .reduce((sum, { bytes }) => sum + bytes, 0);
    const held = here.filter(({ isSpare, name }) => !isSpare || wanted.has(name as BundleFile['sha256']));
    const free = this.#bounds.bytesMax - needed - bytesOf(held);
    if (free < 0) throw full(needed, bytesOf(held), this.#bounds.bytesMax);
    this.#forget(
      here.filter((one) => !held.includes(one)),
      free,
    );
  }

  /** Removes what no bundle holds, but for what may be kept of it. */
  tidy(): void {
    this.#forget(
      this.#list().filter(({ isSpare }) => isSpare),
      this.#bounds.spareBytesMax,
    );
  }

  #forget(spare: readonly Kept[], bytesMax: number): void {
    let bytes = bytesOf(spare);
    for (const file of spare) {
      if (bytes <= bytesMax) return;
      this.#disk.unlink(this.#pathOf(file.name));
      bytes -= file.bytes;
    }
  }

  #list(): Kept[] {
    return this.#disk.list(this.#directory).flatMap((name) => {
      const status = this.#disk.status(this.#pathOf(name));
      return status === null ? [] : [{ name, bytes: status.bytes, isSpare: status.names === 1 }];
    });
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }
}

const bytesOf = (files: readonly Kept[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

const full = (needed: number, held: number, bytesMax: number): NanofleetError =>
  new NanofleetError(
    'STORE_FULL',
    `the bundle needs ${needed} bytes beside the ${held} of the models that are here; a device keeps ${bytesMax} at most`,
    { facts: { needed, held, bytesMax } },
  );
