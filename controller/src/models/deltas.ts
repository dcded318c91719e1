/**
 * Deltas between files of registered bundles, made when a device asks for the first one and kept in memory up to a bound: a fleet asks
 * for few pairs, many times. One at a time, so that a crowd of devices costs one making. Never decides who runs what.
 */
import {
  type BundleFile,
  DELTA_FILE_BYTES_MAX,
  DELTA_FILE_BYTES_MIN,
  DELTA_SHARE_MAX,
  DELTAS_KEPT_MAX,
  type Digest,
  deltaName,
  NanofleetError,
  wireOf,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { encodeDelta } from '@nanofleet/runtime';
import { Injectable } from '@nestjs/common';
import { BlobStore } from './blob-store.ts';
import { ModelsRepository } from './models.repository.ts';

/** Two files of which one may follow from the other. */
interface Pair {
  readonly base: Digest;
  readonly target: Digest;
}

/** The deltas of one controller. */
@Injectable()
export class Deltas {
  /** In the order of their last use, oldest first; null for a pair without a delta that is worth it. */
  readonly #made = new Map<string, Promise<Buffer | null>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly models: ModelsRepository,
    private readonly blobs: BlobStore,
  ) {}

  /** The delta by which a device that has `base` comes to `target`; null when there is none, or the file is hardly longer. */
  between(pair: Pair): Promise<Buffer | null> {
    const name = deltaName(pair.base, pair.target);
    const made = this.#made.get(name) ?? this.#inTurn(pair, name);
    this.#made.delete(name);
    this.#made.set(name, made);
    const [oldest] = this.#made.keys();
    if (this.#made.size > DELTAS_KEPT_MAX && oldest !== undefined) this.#made.delete(oldest);
    return made;
  }

  /** Made after those that were asked for before; what failed is tried anew. */
  #inTurn(pair: Pair, name: string): Promise<Buffer | null> {
    const made = this.#last.then(() => this.#make(pair));
    this.#last = made.catch(() => this.#made.delete(name));
    return made;
  }

  async #make({ base, target }: Pair): Promise<Buffer | null> {
    const files = await this.#placesOf({ base, target });
    if (files === null || !files.every(fits)) return null;
    const [from, to] = [await this.#whole(base), await this.#whole(target)];
    const delta = Buffer.from(encodeDelta(from, to));
    const [, file] = files;
    return delta.length <= (wireOf(file) ?? file).bytes * DELTA_SHARE_MAX ? delta : null;
  }

  /** @throws NanofleetError DIGEST_MISMATCH when the disk has changed it: a delta of that would lead nowhere, and be kept */
  async #whole(digest: Digest): Promise<Buffer> {
    const bytes = await this.blobs.read(digest);
    if (sha256Of(bytes) === digest) return bytes;
    throw new NanofleetError(
      'DIGEST_MISMATCH',
      `The blob ${digest} was changed on the disk; push its bundle again.`,
    );
  }

  /** Base and target where registered bundles of one line have them in one role: nobody goes from anything else. */
  async #placesOf({ base, target }: Pair): Promise<[BundleFile, BundleFile] | null> {
    const placed = (await this.models.all()).flatMap(({ line, files }) =>
      files.map((file) => ({ line, file })),
    );
    for (const to of placed.filter(({ file }) => file.sha256 === target)) {
      const from = placed.find(
        ({ line, file }) => file.sha256 === base && line === to.line && file.role === to.file.role,
      );
      if (from !== undefined) return [from.file, to.file];
    }
    return null;
  }
}

const fits = ({ bytes }: BundleFile): boolean =>
  bytes >= DELTA_FILE_BYTES_MIN && bytes <= DELTA_FILE_BYTES_MAX;
