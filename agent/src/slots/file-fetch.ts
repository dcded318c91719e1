/**
 * Brings files into a download directory in chunks that outlive a kill and a power cut: each is compared with its hash, written and
 * synced before the next is asked for, so that at most one is fetched twice. Never judges what a file says.
 */
import { dirname, join } from 'node:path';
import { BLOB_CHUNK_BYTES, type StoredFile } from '@nanofleet/protocol';
import { type Download, digestOf, mismatch } from './blob-fetch.ts';
import { type ChunkHashes, fetchChunkHashes, isChunk, soundBytes } from './chunk-hashes.ts';

interface Wanted {
  readonly file: StoredFile;
  readonly path: string;
  readonly hashes: ChunkHashes | null;
  readonly progress: (bytes: number) => void;
}

/** A file, or the rest of it; @throws NanofleetError DIGEST_MISMATCH */
export const fetchFile = async (
  download: Download,
  file: StoredFile,
  progress: (bytes: number) => void,
): Promise<void> => {
  const path = join(download.directory, file.name);
  if (digestOf(download.disk, path) === file.sha256) return;
  const wanted = { file, path, progress, hashes: await fetchChunkHashes(download, file) };
  const resumedAt = await fetchRest(download, wanted);
  if (digestOf(download.disk, path) === file.sha256) return;
  // What lay there from an earlier attempt may be what is wrong; then the source deserves one whole try.
  download.disk.unlink(path);
  if (resumedAt === 0) throw mismatch(file.name);
  await fetchRest(download, wanted);
  if (digestOf(download.disk, path) === file.sha256) return;
  download.disk.unlink(path);
  throw mismatch(file.name);
};

/** Fetches from where the file is no longer sound; returns where that was. */
const fetchRest = async (download: Download, wanted: Wanted): Promise<number> => {
  const { file, hashes, path, progress } = wanted;
  const open = download.disk.open(path);
  try {
    const resumedAt = soundBytes(open, file.bytes, hashes);
    open.truncate(resumedAt);
    for (let from = resumedAt; from < file.bytes; from += BLOB_CHUNK_BYTES) {
      const bytes = await fetchChunk(download, wanted, from);
      open.write(bytes, from);
      await open.sync();
      if (from === 0) keepName(download);
      progress(from + bytes.length);
    }
    return resumedAt;
  } finally {
    open.close();
  }
};

/** A power cut must not take the name of a file whose chunks are safe. */
const keepName = ({ directory, disk }: Download): void => {
  disk.syncDirectory(directory);
  disk.syncDirectory(dirname(directory));
};

/** A chunk that does not have its hash is asked for once more; after that the digest of the whole judges, for hashes can be wrong, too. */
const fetchChunk = async (
  { blobs, signal }: Download,
  { file, hashes }: Wanted,
  from: number,
): Promise<Uint8Array> => {
  const length = Math.min(BLOB_CHUNK_BYTES, file.bytes - from);
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    const { bytes, totalBytes } = await blobs.fetch(file.sha256, { from, length });
    if (totalBytes !== file.bytes || bytes.length !== length) throw mismatch(file.name);
    if (hashes === null || tries === 2 || isChunk(hashes, bytes, from)) return bytes;
  }
};
