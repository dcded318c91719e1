/**
 * Where releases of the agent lie: `agent/boot.json`, a directory per release below `agent/versions`, and `{digest}.part` for a
 * download. Owns their names and their durability; never judges content.
 */
import { join } from 'node:path';
import { toNanofleetError } from '@nanofleet/protocol';
import type { Disk, Log } from '@nanofleet/runtime/ports';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';
import { type BootState, bootStateSchema, FRESH_BOOT } from './boot-state.ts';

const PART = '.part';
/** Made by the loader: what the installed agent finds beside it. */
const PACKAGES = 'node_modules';

/** The files of the agent's releases. */
export class ReleaseStore {
  readonly #disk: Disk;
  readonly #versions: string;
  readonly #path: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#versions = join(directory, 'versions');
    this.#path = join(directory, 'boot.json');
  }

  /** The state; one that cannot be read counts as none, as it does for the loader. */
  read(log: Log): BootState {
    try {
      return readJsonFile(this.#disk, this.#path, bootStateSchema) ?? FRESH_BOOT;
    } catch (thrown) {
      log.warn('boot-state-not-read', { why: toNanofleetError(thrown).message });
      return FRESH_BOOT;
    }
  }

  /** Replaces the state; durable once this returns. Throws the disk's error. */
  write(state: BootState): void {
    this.#disk.makeDirectory(this.#versions);
    writeJsonFile(this.#disk, this.#path, state);
  }

  /** The directory of a download, made when missing. */
  partDirectory(digest: string): string {
    const path = join(this.#versions, `${digest}${PART}`);
    this.#disk.makeDirectory(path);
    return path;
  }

  /** Turns a whole download into a release that can be started. */
  finishPart(digest: string): void {
    const part = this.partDirectory(digest);
    const place = join(this.#versions, digest);
    this.#disk.syncDirectory(part);
    this.#disk.removeTree(place);
    this.#disk.rename(part, place);
    this.#disk.syncDirectory(this.#versions);
  }

  /** Removes every release and download that neither the state nor the present download has a use for. */
  tidy({ committed, trial }: BootState, fetching?: string): void {
    const digests = [committed?.digest, trial?.digest].filter((digest) => digest !== undefined);
    const kept = new Set([...digests, PACKAGES, `${fetching ?? ''}${PART}`]);
    for (const name of this.#disk.list(this.#versions))
      if (!kept.has(name)) this.#disk.removeTree(join(this.#versions, name));
  }
}
