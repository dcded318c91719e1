/**
 * Release metadata as a publisher has last seen or signed it, in the profile: what a controller that was restored from an older backup,
 * or that lies, cannot take back. Owns these files; never judges them.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MetadataDocument, metadataName } from '@nanofleet/protocol';
import { readMetadata } from '@nanofleet/protocol/node';
import { type Profile, writePrivately } from '../profile.ts';

/** Documents of one fleet. */
export class TrustFiles {
  readonly #directory: string;

  constructor(profile: Profile, fleet: string) {
    this.#directory = join(profile.directory, 'trust', fleet);
  }

  /** The roots, the first one first. @throws NanofleetError METADATA_* for a file that was changed */
  async roots(): Promise<MetadataDocument<'root'>[]> {
    const found: MetadataDocument<'root'>[] = [];
    for (;;) {
      const bytes = await this.#read(metadataName('root', found.length + 1));
      if (bytes === null) return found;
      found.push(readMetadata('root', bytes));
    }
  }

  /** The newest document of a role; null before there is one. */
  async newest<R extends 'targets' | 'snapshot'>(role: R): Promise<MetadataDocument<R> | null> {
    const bytes = await this.#read(`${role}.json`);
    return bytes === null ? null : readMetadata(role, bytes);
  }

  /** Keeps a document; of targets and snapshots the newest. */
  async keep({ bytes, role, signed }: MetadataDocument): Promise<void> {
    const name = role === 'root' ? metadataName('root', signed.version) : `${role}.json`;
    await this.write(name, Buffer.from(bytes).toString('utf8'));
  }

  /** Writes a file beside them; its path. */
  async write(name: string, text: string): Promise<string> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, name);
    await writePrivately(path, text);
    return path;
  }

  #read(name: string): Promise<Buffer | null> {
    return readFile(join(this.#directory, name)).catch(() => null);
  }
}
