/**
 * Where the slots of one line lie: `slots/{line}/state.json`, a directory per accepted digest, and `{digest}.part` for
 * a download. Owns their names and their durability; never judges content.
 */

import { join } from 'node:path';
import { MANIFEST_BYTES_MAX, MANIFEST_FILE, NanofleetError, SIGNATURE_FILE } from '@nanofleet/protocol';
import type { BundleSource } from '@nanofleet/runtime/node';
import type { Disk } from '@nanofleet/runtime/ports';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';
import { EMPTY_SLOT, keptDigests, type SlotState, slotStateSchema } from './slots.machine.ts';

const STATE_FILE = 'state.json';
const PART = '.part';

/** The files of one line. */
export class SlotStore {
  readonly #disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
    disk.makeDirectory(directory);
  }

  /** @throws NanofleetError STATE_CORRUPT */
  read(): SlotState {
    return readJsonFile(this.#disk, join(this.#directory, STATE_FILE), slotStateSchema) ?? EMPTY_SLOT;
  }

  /** Replaces the state; durable once this returns. Throws the disk's error. */
  write(state: SlotState): void {
    writeJsonFile(this.#disk, join(this.#directory, STATE_FILE), state);
  }

  /** The directory of an installed bundle. */
  bundleDirectory(digest: string): string {
    return join(this.#directory, digest);
  }

  /** The directory of a download, made when missing. */
  partDirectory(digest: string): string {
    const path = join(this.#directory, `${digest}${PART}`);
    this.#disk.makeDirectory(path);
    return path;
  }

  hasBundle(digest: string): boolean {
    return this.#disk.list(this.#directory).includes(digest);
  }

  /** Turns a whole download into a bundle directory. */
  finishPart(digest: string): void {
    const part = this.partDirectory(digest);
    this.#disk.syncDirectory(part);
    this.#disk.removeTree(this.bundleDirectory(digest));
    this.#disk.rename(part, this.bundleDirectory(digest));
    this.#disk.syncDirectory(this.#directory);
  }

  /** Removes a bundle and its download, for instance because it does not verify. */
  discard(digest: string): void {
    this.#disk.removeTree(this.bundleDirectory(digest));
    this.#disk.removeTree(join(this.#directory, `${digest}${PART}`));
  }

  /** Removes every bundle and download that the state has no use for. */
  tidy(state: SlotState): void {
    const kept = new Set(keptDigests(state).flatMap((digest) => [digest, `${digest}${PART}`]));
    for (const name of this.#disk.list(this.#directory)) {
      if (name !== STATE_FILE && !kept.has(name)) this.#disk.removeTree(join(this.#directory, name));
    }
  }
}

/** A bundle in a directory of a Disk, as the runtime reads it. */
export const bundleSourceOn = (disk: Disk, directory: string): BundleSource => {
  const read = (name: string, bytesMax: number): Uint8Array => {
    const bytes = disk.read(join(directory, name));
    if (bytes === null) {
      throw new NanofleetError('BUNDLE_FILE_MISSING', `${name} is missing in ${directory}`, {
        facts: { file: name },
      });
    }
    if (bytes.length > bytesMax) {
      throw new NanofleetError(
        'BUNDLE_TOO_LARGE',
        `${name} has ${bytes.length} bytes; at most ${bytesMax} belong there`,
      );
    }
    return bytes;
  };
  return {
    manifest: () => Promise.resolve().then(() => read(MANIFEST_FILE, MANIFEST_BYTES_MAX)),
    signature: () => Promise.resolve(disk.read(join(directory, SIGNATURE_FILE)) ?? undefined),
    file: (name, bytes) => Promise.resolve().then(() => read(name, bytes)),
  };
};
