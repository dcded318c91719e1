/**
 * Whom the device trusts since the last rotation of its fleet: keys that sign desired states, and authorities of
 * certificates. Told under a signature of a key that was trusted before; until then enrolment decides. Owns that file.
 */
import { join } from 'node:path';
import { type DesiredTrust, desiredTrustSchema } from '@nanofleet/protocol';
import type { Disk, Log } from '@nanofleet/runtime/ports';
import type { Identity } from './identity.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';

const pathIn = (directory: string): string => join(directory, 'trust.json');

/** Forgets what was told since an enrolment. */
export const dropTrust = (disk: Disk, directory: string): void => disk.unlink(pathIn(directory));

/** What it needs. */
export interface TrustOptions {
  readonly disk: Disk;
  /** State directory. */
  readonly directory: string;
  readonly identity: Pick<Identity, 'controllerKey'>;
  readonly log: Log;
}

/** The trust of one device. */
export class TrustMemory {
  readonly #options: TrustOptions;
  #told: DesiredTrust | null;

  /** @throws NanofleetError STATE_CORRUPT: with the keys of enrolment alone it would trust what was dropped since. */
  constructor(options: TrustOptions) {
    this.#options = options;
    this.#told = readJsonFile(options.disk, pathIn(options.directory), desiredTrustSchema);
  }

  /** Raw Ed25519 keys, base64, whose desired states count. */
  get controllerKeys(): readonly string[] {
    return this.#told?.controllerKeys ?? [this.#options.identity.controllerKey];
  }

  /** Takes what a desired state that counts has told; whether it is news. Throws the disk's error, and then forgets it. */
  take(trust: DesiredTrust): boolean {
    if (trust.version <= (this.#told?.version ?? 0)) return false;
    const { directory, disk, log } = this.#options;
    writeJsonFile(disk, pathIn(directory), trust);
    this.#told = trust;
    log.info('trust-changed', { version: trust.version, keys: trust.controllerKeys.length });
    return true;
  }
}
