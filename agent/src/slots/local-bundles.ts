/**
 * Signed bundles in a local directory, as a source of first versions: what an image was built with. They pass the same
 * checks as fetched ones. Never writes there.
 */

import { join } from 'node:path';
import {
  formsOf,
  type LineId,
  MANIFEST_FILE,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { checkManifestSignature, sha256Of } from '@nanofleet/protocol/node';
import type { Disk } from '@nanofleet/runtime/ports';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Wish } from './slots.machine.ts';

/** A bundle found, with the source of its bytes. */
export interface LocalBundle {
  readonly line: LineId;
  readonly wish: Wish;
  readonly blobs: BlobSource;
}

const missing = (path: string): NanofleetError =>
  new NanofleetError('BUNDLE_FILE_MISSING', `${path} cannot be read`, { facts: { path } });

const sourceOn = (disk: Disk, directory: string, names: ReadonlyMap<string, string>): BlobSource => ({
  fetch: (name, { from, length }) =>
    Promise.resolve().then(() => {
      const path = join(directory, names.get(name) ?? name);
      const piece = disk.readPiece(path, { from, length });
      if (piece === null) throw missing(path);
      return piece;
    }),
});

/** The bundle in a directory. @throws NanofleetError when it is not signed by a pinned key, or not readable */
const openLocal = (disk: Disk, directory: string, publisherFingerprints: readonly string[]): LocalBundle => {
  const manifestBytes = disk.read(join(directory, MANIFEST_FILE));
  if (manifestBytes === null) throw missing(join(directory, MANIFEST_FILE));
  const signatureBytes = disk.read(join(directory, SIGNATURE_FILE));
  if (signatureBytes === null) {
    throw new NanofleetError(
      'SIGNATURE_MISSING',
      `${directory} has no ${SIGNATURE_FILE}. Sign it: nanofleet models sign`,
    );
  }
  checkManifestSignature({ manifestBytes, signatureBytes, publisherFingerprints });
  const { line, releaseCounter, files } = parseManifest(manifestBytes);
  const digest = sha256Of(manifestBytes);
  const names = new Map<string, string>([
    [digest, MANIFEST_FILE],
    [`${digest}.sig`, SIGNATURE_FILE],
    ...formsOf(files).map(({ sha256, name }): [string, string] => [sha256, name]),
  ]);
  return { line, wish: { digest, releaseCounter }, blobs: sourceOn(disk, directory, names) };
};

/**
 * All bundles in a directory: itself, or its subdirectories that hold a manifest.
 * @throws NanofleetError of the first one that a pinned publisher has not signed
 */
export const findLocalBundles = (
  disk: Disk,
  directory: string,
  publisherFingerprints: readonly string[],
): LocalBundle[] => {
  const names = disk.list(directory);
  const directories = names.includes(MANIFEST_FILE)
    ? [directory]
    : names.map((name) => join(directory, name)).filter((path) => isBundle(disk, path));
  return directories.map((path) => openLocal(disk, path, publisherFingerprints));
};

const isBundle = (disk: Disk, path: string): boolean => disk.read(join(path, MANIFEST_FILE)) !== null;
