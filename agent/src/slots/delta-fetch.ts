/**
 * Brings a file by what the device has of the accepted bundle: the same file is copied, another of its role is changed by a delta that the
 * controller makes. Whatever comes of it is compared with the digest of the signed manifest; without a delta, or with a wrong one, the
 * caller takes the whole file. Never trusts a delta and never judges what a file says.
 */
import { join } from 'node:path';
import {
  BLOB_CHUNK_BYTES,
  type BundleFile,
  DELTA_FILE_BYTES_MAX,
  DELTA_FILE_BYTES_MIN,
  DELTA_SHARE_MAX,
  deltaName,
  MANIFEST_FILE,
  NanofleetError,
  parseManifest,
  toNanofleetError,
  wireOf,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { applyDelta } from '@nanofleet/runtime';
import type { Disk } from '@nanofleet/runtime/ports';
import type { BlobPiece } from '../ports/blob-source.ts';
import { type Download, digestOf, writeFile } from './blob-fetch.ts';

/** The bundle that a device goes on from. */
export interface BundleHere {
  readonly directory: string;
  readonly files: readonly BundleFile[];
}

/** The bundle that lies in a directory; null when its manifest cannot be read. Its files are checked when they are used. */
export const bundleHere = (disk: Disk, directory: string): BundleHere | null => {
  const bytes = disk.read(join(directory, MANIFEST_FILE));
  try {
    return bytes === null ? null : { directory, files: parseManifest(bytes).files };
  } catch {
    // Then everything is fetched.
    return null;
  }
};

/** Whether the file lies in the download directory now, made of what was here. */
export const fetchFromHere = async (
  download: Download,
  { file, here }: { readonly file: BundleFile; readonly here: BundleHere | null },
  progress: (bytes: number) => void,
): Promise<boolean> => {
  const path = join(download.directory, file.name);
  if (digestOf(download.disk, path) === file.sha256) return true;
  const base = here?.files.find(({ role }) => role === file.role);
  if (here === null || base === undefined) return false;
  const read = (): Uint8Array | null => download.disk.read(join(here.directory, base.name));
  const made =
    base.sha256 === file.sha256 ? read() : await fromDelta(download, { file, base, read, progress });
  // A base that the disk has changed leads elsewhere: what comes of it tells as much as its own digest would.
  const isIt = made?.length === file.bytes && sha256Of(made) === file.sha256;
  if (isIt) writeFile(download.disk, path, made);
  download.disk.unlink(deltaPath(download, file));
  return isIt;
};

interface Wanted {
  readonly file: BundleFile;
  readonly base: BundleFile;
  /** Reads the base: when the delta is there, for it may take its time, and memory. */
  readonly read: () => Uint8Array | null;
  readonly progress: (bytes: number) => void;
}

const deltaPath = ({ directory }: Download, { name }: BundleFile): string => join(directory, `${name}.delta`);

/** What a delta leads to; null where there is none, or one that leads nowhere. */
const fromDelta = async (download: Download, wanted: Wanted): Promise<Uint8Array | null> => {
  const { base, file, read } = wanted;
  if (file.bytes < DELTA_FILE_BYTES_MIN || Math.max(file.bytes, base.bytes) > DELTA_FILE_BYTES_MAX)
    return null;
  try {
    const delta = await fetchDelta(download, wanted);
    const bytes = read();
    return bytes === null ? null : applyDelta(bytes, delta, file.bytes);
  } catch (thrown) {
    if (toNanofleetError(thrown).isRetryable) throw thrown;
    return null;
  }
};

/** Fetches the delta. A kill or a power cut loses one piece of it at most: what comes in one needs no file. */
const fetchDelta = async (download: Download, wanted: Wanted): Promise<Uint8Array> => {
  const path = deltaPath(download, wanted.file);
  const first = download.disk.status(path) === null ? await fetchPiece(download, wanted, 0) : null;
  if (first !== null && first.bytes.length >= first.totalBytes) return first.bytes;
  await keepPieces(download, wanted, first);
  return download.disk.read(path) ?? new Uint8Array();
};

const fetchPiece = async (
  { blobs, signal }: Download,
  { file, base }: Wanted,
  from: number,
): Promise<BlobPiece> => {
  signal.throwIfAborted();
  const piece = await blobs.fetch(deltaName(base.sha256, file.sha256), { from, length: BLOB_CHUNK_BYTES });
  refuseLong(file, piece.totalBytes);
  return piece;
};

/** Fetches what is missing of the delta's file. @param first its first piece when it has come already */
const keepPieces = async (download: Download, wanted: Wanted, first: BlobPiece | null): Promise<void> => {
  const { file, progress } = wanted;
  const open = download.disk.open(deltaPath(download, file));
  try {
    const whole = Math.max(0, Math.ceil(open.size() / BLOB_CHUNK_BYTES) - 1) * BLOB_CHUNK_BYTES;
    for (let from = whole, total = whole + 1; from < total; ) {
      const isFirst = from === 0 && first !== null;
      const { bytes, totalBytes } = isFirst ? first : await fetchPiece(download, wanted, from);
      if (bytes.length === 0) break;
      open.write(bytes, from);
      await open.sync();
      from += bytes.length;
      total = totalBytes;
      progress(from);
    }
  } finally {
    open.close();
  }
};

const refuseLong = (file: BundleFile, bytes: number): void => {
  const bytesMax = (wireOf(file) ?? file).bytes * DELTA_SHARE_MAX;
  if (bytes <= bytesMax) return;
  throw new NanofleetError(
    'BUNDLE_TOO_LARGE',
    `the delta of ${file.name} has ${bytes} bytes; with more than ${Math.floor(bytesMax)} the file itself is taken`,
  );
};
