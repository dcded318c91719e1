/**
 * Lists of chunk hashes of stored blobs, by which devices find out which piece of a download is wrong. Each is made when it is first
 * asked for, from what the disk has, and kept in memory up to a bound. Never says that a blob is right.
 */
import { createHash } from 'node:crypto';
import { BLOB_CHUNK_BYTES, CHUNK_LISTS_KEPT_MAX, type Digest } from '@nanofleet/protocol';
import { Injectable } from '@nestjs/common';
import { BlobStore } from './blob-store.ts';

/** The lists of one controller. */
@Injectable()
export class ChunkLists {
  /** In the order of their last use, oldest first. */
  readonly #made = new Map<Digest, Promise<Buffer>>();

  constructor(private readonly blobs: BlobStore) {
    // What the disk had changed may have been hashed before it was pushed again.
    blobs.onStored((digest) => void this.#made.delete(digest));
  }

  /** SHA-256 of each BLOB_CHUNK_BYTES of a stored blob of so many bytes, one after the other. */
  of(digest: Digest, bytes: number): Promise<Buffer> {
    const list = this.#made.get(digest) ?? this.#make(digest, bytes);
    this.#made.delete(digest);
    this.#made.set(digest, list);
    const [oldest] = this.#made.keys();
    if (this.#made.size > CHUNK_LISTS_KEPT_MAX && oldest !== undefined) this.#made.delete(oldest);
    return list;
  }

  #make(digest: Digest, bytes: number): Promise<Buffer> {
    const list = this.#hashAll(digest, bytes);
    list.catch(() => this.#made.delete(digest));
    return list;
  }

  async #hashAll(digest: Digest, bytes: number): Promise<Buffer> {
    const hashes: Buffer[] = [];
    for (let from = 0; from < bytes; from += BLOB_CHUNK_BYTES) {
      const to = Math.min(from + BLOB_CHUNK_BYTES, bytes) - 1;
      const hash = createHash('sha256');
      for await (const piece of this.blobs.stream(digest, { from, to })) hash.update(piece as Uint8Array);
      hashes.push(hash.digest());
    }
    return Buffer.concat(hashes);
  }
}
