/**
 * Blobs on the disk, named by their SHA-256: written once, whole or not at all, never changed. With an archive that other
 * controllers share, the disk is a cache of it. Small ones that devices ask for stay in memory up to a bound. Reading does not hash again: devices check every byte against a signed
 * manifest anyway, and must be able to tell an operator that the disk here lies.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  BLOB_CACHE_BYTES,
  BUNDLE_FILE_BYTES_MAX,
  type Digest,
  digestSchema,
  NanofleetError,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { BlobArchive } from './blob-archive.ts';

const PART_SUFFIX = '.part';

/** A part of a blob, both ends inclusive. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** The blobs of one controller. */
export class BlobStore {
  readonly #directory: string;
  /** In the order of their last use, oldest first. */
  readonly #cache = new Map<Digest, Buffer>();
  #cachedBytes = 0;
  #writes = 0;
  #archive: BlobArchive | null = null;
  #stored: (digest: Digest) => void = () => undefined;
  /** Blobs that are being fetched from the archive. */
  readonly #fetching = new Map<Digest, Promise<void>>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Opens the store below a state directory. */
  static async open(stateDirectory: string): Promise<BlobStore> {
    const directory = join(stateDirectory, 'blobs');
    await mkdir(directory, { recursive: true });
    // What a killed process left half-written; nobody else writes here while the directory is locked.
    for (const name of await readdir(directory)) {
      if (name.endsWith(PART_SUFFIX)) await rm(join(directory, name), { force: true });
    }
    return new BlobStore(directory);
  }

  /** From now on shares its blobs with other controllers; what is here already is given to them. */
  async shareThrough(archive: BlobArchive): Promise<void> {
    this.#archive = archive;
    const names = await readdir(this.#directory);
    const here = names.flatMap((name) => digestSchema.safeParse(name).data ?? []);
    for (const digest of await archive.missing(here)) {
      await archive.put(digest, createReadStream(this.#path(digest)));
    }
  }

  /** Bytes of a blob, or null when it is nowhere. */
  async size(digest: Digest): Promise<number | null> {
    const cached = this.#cache.get(digest);
    if (cached !== undefined) return cached.length;
    const here = await this.#sizeHere(digest);
    if (here !== null || this.#archive === null) return here;
    await this.#fetch(digest, this.#archive);
    return this.#sizeHere(digest);
  }

  #sizeHere(digest: Digest): Promise<number | null> {
    return stat(this.#path(digest)).then(
      ({ size }) => size,
      () => null,
    );
  }

  /** Brings a blob from the archive to the disk, if it is there; once for all who wait for it. */
  async #fetch(digest: Digest, archive: BlobArchive): Promise<void> {
    const fetching =
      this.#fetching.get(digest) ??
      (async () => {
        if (await archive.has(digest)) await this.#store(digest, archive.read(digest));
      })().finally(() => this.#fetching.delete(digest));
    this.#fetching.set(digest, fetching);
    await fetching;
  }

  /**
   * Stores a blob from a stream; one that is here already is replaced, which mends it when the disk had changed it.
   * @returns its bytes
   * @throws NanofleetError BUNDLE_TOO_LARGE, DIGEST_MISMATCH; then nothing is stored
   */
  async put(digest: Digest, content: AsyncIterable<Uint8Array>): Promise<number> {
    const bytes = await this.#store(digest, content);
    await this.#archive?.put(digest, createReadStream(this.#path(digest)));
    return bytes;
  }

  async #store(digest: Digest, content: AsyncIterable<Uint8Array>): Promise<number> {
    this.#writes += 1;
    const part = `${this.#path(digest)}.${process.pid}.${this.#writes}${PART_SUFFIX}`;
    try {
      const bytes = await this.#write(part, { digest, content });
      await rename(part, this.#path(digest));
      this.#forget(digest);
      this.#stored(digest);
      return bytes;
    } finally {
      await rm(part, { force: true });
    }
  }

  /** Says who is told of each blob that was written, for the first time or anew. */
  onStored(told: (digest: Digest) => void): void {
    this.#stored = told;
  }

  /** Stores bytes under their digest. */
  async keep(bytes: Uint8Array): Promise<Digest> {
    const digest = sha256Of(bytes);
    await this.put(digest, one(bytes));
    return digest;
  }

  /** All bytes of a blob; @throws NanofleetError BUNDLE_FILE_MISSING */
  async read(digest: Digest): Promise<Buffer> {
    const cached = this.#cache.get(digest);
    if (cached !== undefined) {
      this.#cache.delete(digest);
      this.#cache.set(digest, cached);
      return cached;
    }
    // Fetches it, if it is only in the archive.
    await this.size(digest);
    const bytes = await readFile(this.#path(digest)).catch((cause: unknown) => {
      throw new NanofleetError('BUNDLE_FILE_MISSING', `The blob ${digest} is not stored here.`, { cause });
    });
    this.#keep(digest, bytes);
    return bytes;
  }

  /** A part of a blob as a stream, for blobs that are too large to keep in memory. */
  stream(digest: Digest, { from, to }: ByteRange): Readable {
    return createReadStream(this.#path(digest), { start: from, end: to });
  }

  async #write(
    path: string,
    { content, digest }: { content: AsyncIterable<Uint8Array>; digest: Digest },
  ): Promise<number> {
    const hash = createHash('sha256');
    const file = await open(path, 'wx');
    let bytes = 0;
    try {
      for await (const chunk of content) {
        bytes += chunk.length;
        if (bytes > BUNDLE_FILE_BYTES_MAX) throw tooLarge();
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      if (hash.digest('hex') !== digest) throw mismatch(digest);
      await file.sync();
    } finally {
      await file.close();
    }
    return bytes;
  }

  #keep(digest: Digest, bytes: Buffer): void {
    if (bytes.length > BLOB_CACHE_BYTES / 4) return;
    this.#cache.set(digest, bytes);
    this.#cachedBytes += bytes.length;
    for (const oldest of this.#cache.keys()) {
      if (this.#cachedBytes <= BLOB_CACHE_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(digest: Digest): void {
    this.#cachedBytes -= this.#cache.get(digest)?.length ?? 0;
    this.#cache.delete(digest);
  }

  #path(digest: Digest): string {
    return join(this.#directory, digest);
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

const tooLarge = () =>
  new NanofleetError(
    'BUNDLE_TOO_LARGE',
    `A file of a bundle may have ${BUNDLE_FILE_BYTES_MAX} bytes at most.`,
  );

const mismatch = (digest: Digest) =>
  new NanofleetError(
    'DIGEST_MISMATCH',
    `The uploaded bytes do not have the SHA-256 ${digest}; upload again.`,
  );
