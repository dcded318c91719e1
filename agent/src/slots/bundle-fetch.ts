/**
 * Brings a bundle into its download directory: signature and manifest first, checked before any other byte is asked
 * for, then each file by what is here already, else in pieces that are kept across a kill; one with a wire form comes in that and is expanded here.
 * Never runs anything and never accepts a bundle.
 */

import { join } from 'node:path';
import {
  MANIFEST_FILE,
  type Manifest,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
  toNanofleetError,
  wireOf,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import { expandFile, type TravellingFile } from '@nanofleet/runtime';
import { type Download, digestOf, fetchManifestBytes, mismatch, writeFile } from './blob-fetch.ts';
import type { ContentStore } from './content-store.ts';
import { type BundleHere, fetchFromHere } from './delta-fetch.ts';
import { fetchFile } from './file-fetch.ts';
import type { Wish } from './slots.machine.ts';

/** What a fetch needs. */
export interface FetchOptions extends Download {
  readonly line: string;
  readonly wish: Wish;
  readonly publisherFingerprints: readonly string[];
  readonly lowestCounter: number;
  /** Files of all lines. */
  readonly content: ContentStore;
  /** The accepted bundle of the line, of which files may be made. */
  readonly here: BundleHere | null;
  readonly progress: (done: { bytesDone: number; bytesTotal: number }) => void;
}

/**
 * Fetches a bundle, or the rest of it.
 * @throws NanofleetError of the first check that fails; CONTROLLER_UNREACHABLE and DISK_FULL may be tried again
 */
export const fetchBundle = async (options: FetchOptions): Promise<Manifest> => {
  await options.blobs.begin?.(options.signal);
  const manifest = await fetchManifest(options);
  const { content, here } = options;
  for (const file of here?.files ?? []) content.keep(file, join(here?.directory ?? '', file.name));
  content.makeRoom(manifest.files);
  const travelling = manifest.files.map((file) => wireOf(file) ?? file);
  const bytesTotal = travelling.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesBefore = 0;
  for (const file of manifest.files) {
    const wire = wireOf(file);
    const progress = (bytes: number): void =>
      options.progress({ bytesDone: Math.min(bytesBefore + bytes, bytesTotal), bytesTotal });
    const path = join(options.directory, file.name);
    if (content.take(file, path) || (await fetchFromHere(options, { file, here }, progress)))
      progress((wire ?? file).bytes);
    else if (wire === undefined) await fetchFile(options, file, progress);
    else await fetchExpanded(options, { manifest, file, wire, sha256Of }, progress);
    content.keep(file, path);
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
  const { manifestBytes, signatureBytes } = await fetchManifestBytes(options, wish.digest);
  checkManifestSignature({ manifestBytes, signatureBytes, publisherFingerprints });
  if (sha256Of(manifestBytes) !== wish.digest) throw mismatch(MANIFEST_FILE);
  const manifest = parseManifest(manifestBytes);
  checkFits(manifest, options);
  writeFile(disk, join(directory, MANIFEST_FILE), manifestBytes);
  writeFile(disk, join(directory, SIGNATURE_FILE), signatureBytes);
  return manifest;
};

const checkFits = ({ line, releaseCounter }: Manifest, options: FetchOptions): void => {
  if (line !== options.line) {
    throw new NanofleetError('LINE_TASK_WRONG', `the bundle is for line ${line}, not for ${options.line}`);
  }
  if (releaseCounter >= options.lowestCounter && releaseCounter === options.wish.releaseCounter) return;
  const problem = `the bundle is release ${releaseCounter}; ${options.wish.releaseCounter} was asked for and ${options.lowestCounter} or later may run`;
  throw new NanofleetError('RELEASE_COUNTER_OLD', problem, { facts: { releaseCounter } });
};
