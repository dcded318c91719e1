/**
 * The hashes of a file's chunks: they tell which part of a download that was cut off is still sound, and which piece has to be asked for
 * again. Advice of the controller, no proof: the digest of the whole, from a signed manifest, has the last word.
 */
import { createHash } from 'node:crypto';
import {
  BLOB_CHUNK_BYTES,
  CHUNK_HASH_BYTES,
  chunksName,
  type StoredFile,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { DiskFile } from '@nanofleet/runtime/ports';
import { type Download, fetchSmall } from './blob-fetch.ts';

/** SHA-256 of each BLOB_CHUNK_BYTES of a file, one after the other. */
export type ChunkHashes = Uint8Array;

/** The hashes of a file of several chunks; null where nobody has them. Throws only what may be tried again. */
export const fetchChunkHashes = async (download: Download, file: StoredFile): Promise<ChunkHashes | null> => {
  const bytes = Math.ceil(file.bytes / BLOB_CHUNK_BYTES) * CHUNK_HASH_BYTES;
  if (bytes === CHUNK_HASH_BYTES) return null;
  try {
    const hashes = await fetchSmall(download, chunksName(file.sha256), bytes);
    return hashes.length === bytes ? hashes : null;
  } catch (thrown) {
    if (toNanofleetError(thrown).isRetryable) throw thrown;
    return null;
  }
};

/** Whether bytes are the chunk that begins at `from`. */
export const isChunk = (hashes: ChunkHashes, bytes: Uint8Array, from: number): boolean => {
  const at = (from / BLOB_CHUNK_BYTES) * CHUNK_HASH_BYTES;
  const stated = Buffer.from(hashes.subarray(at, at + CHUNK_HASH_BYTES));
  return createHash('sha256').update(bytes).digest().equals(stated);
};

/**
 * Bytes at the beginning of a download that need not be fetched again. Each chunk was synced before the next was written, so that a kill
 * or a power cut can have hurt the last one only: without hashes the last that is there is taken for lost.
 */
export const soundBytes = (open: DiskFile, bytes: number, hashes: ChunkHashes | null): number => {
  const lying = Math.min(open.size(), bytes);
  if (hashes === null) return Math.max(0, Math.ceil(lying / BLOB_CHUNK_BYTES) - 1) * BLOB_CHUNK_BYTES;
  for (let from = 0; from < lying; from += BLOB_CHUNK_BYTES) {
    const length = Math.min(BLOB_CHUNK_BYTES, bytes - from);
    if (!isChunk(hashes, open.read(from, length), from)) return from;
  }
  return lying;
};
