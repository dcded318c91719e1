/**
 * What every download is made of: small blobs as a whole, digests and whole files on the disk, and the errors of them. Never judges what
 * a file says; longer files are `file-fetch.ts`.
 */
import { createHash } from 'node:crypto';
import { BLOB_CHUNK_BYTES, MANIFEST_BYTES_MAX, NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { type Disk, isDiskFull } from '@nanofleet/runtime/ports';
import type { BlobPiece, BlobSource } from '../ports/blob-source.ts';

/** Where blobs come from and go to. */
export interface Download {
  readonly disk: Disk;
  readonly blobs: BlobSource;
  /** Download directory. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

const SIGNATURE_BYTES_MAX = 4_096;

/** A manifest with its signature, neither of them checked. @throws NanofleetError BUNDLE_TOO_LARGE, SIGNATURE_MISSING */
export const fetchManifestBytes = async (options: Download, digest: string) => {
  const { bytes: manifestBytes, signature } = await fetchWhole(options, digest, MANIFEST_BYTES_MAX);
  return { manifestBytes, signatureBytes: signature ?? (await fetchSignature(options, digest)) };
};

/** The signature of a manifest; a controller that has none, or an empty one, offers an unsigned bundle. */
const fetchSignature = async (options: Download, digest: string): Promise<Uint8Array> => {
  try {
    return await fetchSmall(options, `${digest}.sig`, SIGNATURE_BYTES_MAX);
  } catch (cause) {
    const { code } = toNanofleetError(cause);
    if (code !== 'BUNDLE_FILE_MISSING' && code !== 'DIGEST_MISMATCH') throw cause;
    throw new NanofleetError('SIGNATURE_MISSING', 'the controller has no signature of this bundle', {
      cause,
    });
  }
};

/** A blob as a whole; @throws NanofleetError BUNDLE_TOO_LARGE */
export const fetchSmall = async (download: Download, name: string, bytesMax: number): Promise<Uint8Array> =>
  (await fetchWhole(download, name, bytesMax)).bytes;

const fetchWhole = async ({ blobs }: Download, name: string, bytesMax: number): Promise<BlobPiece> => {
  const pieces: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const { bytes, totalBytes, ...along } = await blobs.fetch(name, { from, length: BLOB_CHUNK_BYTES });
    if (totalBytes > bytesMax) throw tooLarge(name, totalBytes, bytesMax);
    pieces.push(bytes);
    from += bytes.length;
    if (from >= totalBytes || bytes.length === 0)
      return { bytes: Buffer.concat(pieces), totalBytes, ...along };
  }
};

/** SHA-256 of a file. */
export const digestOf = (disk: Disk, path: string): string => {
  const open = disk.open(path);
  try {
    const hash = createHash('sha256');
    const size = open.size();
    for (let at = 0; at < size; at += BLOB_CHUNK_BYTES)
      hash.update(open.read(at, Math.min(BLOB_CHUNK_BYTES, size - at)));
    return hash.digest('hex');
  } finally {
    open.close();
  }
};

/** Writes a file as a whole, durably. */
export const writeFile = (disk: Disk, path: string, bytes: Uint8Array): void => {
  const file = disk.open(path);
  try {
    file.truncate(0);
    file.write(bytes, 0);
    file.syncNow();
  } finally {
    file.close();
  }
};

/** Something does not have the digest that was asked for. */
export const mismatch = (file: string): NanofleetError =>
  new NanofleetError('DIGEST_MISMATCH', `${file} does not have the size and digest that was asked for`, {
    facts: { file },
  });

const tooLarge = (name: string, bytes: number, bytesMax: number): NanofleetError =>
  new NanofleetError('BUNDLE_TOO_LARGE', `${name} has ${bytes} bytes; at most ${bytesMax} are taken`);

/** A full disk may be emptied and the rest of the file system's errors may pass; both are worth another try. */
export const registeredOf = (thrown: unknown): NanofleetError =>
  isDiskFull(thrown)
    ? new NanofleetError('DISK_FULL', 'there is no space for what is fetched; free some', { cause: thrown })
    : toNanofleetError(thrown);
