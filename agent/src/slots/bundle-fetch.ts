/**
 * Brings a bundle into its download directory: signature and manifest first, checked before any other byte is asked
 * for, then each file in pieces that are kept across a kill; one with a wire form comes in that and is expanded here.
 * Never runs anything and never accepts a bundle.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  BLOB_CHUNK_BYTES,
  MANIFEST_BYTES_MAX,
  MANIFEST_FILE,
  type Manifest,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
  type StoredFile,
  toNanofleetError,
  wireOf,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import { expandFile, type TravellingFile } from '@nanofleet/runtime';
import type { Disk } from '@nanofleet/runtime/ports';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Wish } from './slots.machine.ts';

/** What a fetch needs. */
export interface FetchOptions {
  readonly disk: Disk;
  readonly blobs: BlobSource;
  /** Download directory of the bundle. */
  readonly directory: string;
  readonly line: string;
  readonly wish: Wish;
  readonly publisherFingerprints: readonly string[];
  readonly lowestCounter: number;
  readonly signal: AbortSignal;
  readonly progress: (done: { bytesDone: number; bytesTotal: number }) => void;
}

const SIGNATURE_BYTES_MAX = 4_096;

/**
 * Fetches a bundle, or the rest of it.
 * @throws NanofleetError of the first check that fails; CONTROLLER_UNREACHABLE and DISK_FULL may be tried again
 */
export const fetchBundle = async (options: FetchOptions): Promise<Manifest> => {
  const manifest = await fetchManifest(options);
  const travelling = manifest.files.map((file) => wireOf(file) ?? file);
  const bytesTotal = travelling.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesBefore = 0;
  for (const file of manifest.files) {
    const wire = wireOf(file);
    const progress = (bytes: number): void =>
      options.progress({ bytesDone: Math.min(bytesBefore + bytes, bytesTotal), bytesTotal });
    if (wire === undefined) await fetchFile(options, file, progress);
    else await fetchExpanded(options, { manifest, file, wire, sha256Of }, progress);
    bytesBefore += (wire ?? file).bytes;
  }
  return manifest;
};

/**
 * Fetches a file in its wire form and puts what this expands to in its place. A source without the wire form gives the file itself: a
 * directory that holds only that, or a controller that knows of no other.
 */
const fetchExpanded = async (
  options: FetchOptions,
  travelling: TravellingFile,
  progress: (bytes: number) => void,
): Promise<void> => {
  const { disk, directory } = options;
  const { file, wire } = travelling;
  const [path, wirePath] = [join(directory, file.name), join(directory, wire.name)];
  if (digestOf(disk, path) === file.sha256) return disk.unlink(wirePath);
  try {
    await fetchFile(options, wire, progress);
  } catch (thrown) {
    if (toNanofleetError(thrown).code !== 'BUNDLE_FILE_MISSING') throw thrown;
    disk.unlink(wirePath);
    return fetchFile(options, file, progress);
  }
  writeFile(disk, path, expandFile(disk.read(wirePath) ?? new Uint8Array(), travelling));
  disk.unlink(wirePath);
};

const fetchManifest = async (options: FetchOptions): Promise<Manifest> => {
  const { disk, directory, wish, publisherFingerprints } = options;
  const manifestBytes = await fetchSmall(options, wish.digest, MANIFEST_BYTES_MAX);
  const signatureBytes = await fetchSignature(options);
  checkManifestSignature({ manifestBytes, signatureBytes, publisherFingerprints });
  if (sha256Of(manifestBytes) !== wish.digest) throw mismatch(MANIFEST_FILE);
  const manifest = parseManifest(manifestBytes);
  checkFits(manifest, options);
  writeFile(disk, join(directory, MANIFEST_FILE), manifestBytes);
  writeFile(disk, join(directory, SIGNATURE_FILE), signatureBytes);
  return manifest;
};

/** The signature; a controller that has none, or an empty one, offers an unsigned bundle. */
const fetchSignature = async (options: FetchOptions): Promise<Uint8Array> => {
  try {
    return await fetchSmall(options, `${options.wish.digest}.sig`, SIGNATURE_BYTES_MAX);
  } catch (cause) {
    const { code } = toNanofleetError(cause);
    if (code !== 'BUNDLE_FILE_MISSING' && code !== 'DIGEST_MISMATCH') throw cause;
    throw new NanofleetError('SIGNATURE_MISSING', 'the controller has no signature of this bundle', {
      cause,
    });
  }
};

const checkFits = ({ line, releaseCounter }: Manifest, options: FetchOptions): void => {
  if (line !== options.line) {
    throw new NanofleetError('LINE_TASK_WRONG', `the bundle is for line ${line}, not for ${options.line}`);
  }
  if (releaseCounter >= options.lowestCounter && releaseCounter === options.wish.releaseCounter) return;
  const problem = `the bundle is release ${releaseCounter}; ${options.wish.releaseCounter} was asked for and ${options.lowestCounter} or later may run`;
  throw new NanofleetError('RELEASE_COUNTER_OLD', problem, { facts: { releaseCounter } });
};

const fetchSmall = async ({ blobs }: FetchOptions, name: string, bytesMax: number): Promise<Uint8Array> => {
  const pieces: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const { bytes, totalBytes } = await blobs.fetch(name, { from, length: BLOB_CHUNK_BYTES });
    if (totalBytes > bytesMax) throw tooLarge(name, totalBytes, bytesMax);
    pieces.push(bytes);
    from += bytes.length;
    if (from >= totalBytes || bytes.length === 0) return Buffer.concat(pieces);
  }
};

const fetchFile = async (
  options: FetchOptions,
  file: StoredFile,
  progress: (bytes: number) => void,
): Promise<void> => {
  const path = join(options.directory, file.name);
  const resumedAt = await fetchRest(options, { file, path, progress });
  if (digestOf(options.disk, path) === file.sha256) return;
  // What lay there from an earlier attempt may be what is wrong; then the source deserves one whole try.
  options.disk.unlink(path);
  if (resumedAt === 0) throw mismatch(file.name);
  await fetchRest(options, { file, path, progress });
  if (digestOf(options.disk, path) === file.sha256) return;
  options.disk.unlink(path);
  throw mismatch(file.name);
};

/** Fetches from where the file ends; returns where that was. */
const fetchRest = async (
  { disk, blobs, signal }: FetchOptions,
  { file, path, progress }: { file: StoredFile; path: string; progress: (bytes: number) => void },
): Promise<number> => {
  const open = disk.open(path);
  try {
    if (open.size() > file.bytes) open.truncate(0);
    const resumedAt = open.size();
    for (let from = resumedAt; from < file.bytes; ) {
      signal.throwIfAborted();
      const length = Math.min(BLOB_CHUNK_BYTES, file.bytes - from);
      const { bytes, totalBytes } = await blobs.fetch(file.sha256, { from, length });
      if (totalBytes !== file.bytes || bytes.length !== length) throw mismatch(file.name);
      open.write(bytes, from);
      from += bytes.length;
      progress(from);
    }
    await open.sync();
    return resumedAt;
  } finally {
    open.close();
  }
};

const digestOf = (disk: Disk, path: string): string => {
  const open = disk.open(path);
  try {
    const hash = createHash('sha256');
    for (let at = 0; ; ) {
      const bytes = open.read(at, BLOB_CHUNK_BYTES);
      if (bytes.length === 0) return hash.digest('hex');
      hash.update(bytes);
      at += bytes.length;
    }
  } finally {
    open.close();
  }
};

const writeFile = (disk: Disk, path: string, bytes: Uint8Array): void => {
  const file = disk.open(path);
  try {
    file.truncate(0);
    file.write(bytes, 0);
    file.syncNow();
  } finally {
    file.close();
  }
};

const mismatch = (file: string): NanofleetError =>
  new NanofleetError('DIGEST_MISMATCH', `${file} does not have the size and digest that was asked for`, {
    facts: { file },
  });

const tooLarge = (name: string, bytes: number, bytesMax: number): NanofleetError =>
  new NanofleetError('BUNDLE_TOO_LARGE', `${name} has ${bytes} bytes; at most ${bytesMax} are taken`);
