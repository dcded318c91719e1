/**
 * Signed copies of the committed bundles for tests: other releases, other keys, changed files. Owns directories below
 * the test's own; the clone's bundles are only read.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeManifest,
  MANIFEST_FILE,
  type Manifest,
  parseManifest,
  SIGNATURE_FILE,
} from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { CLONE } from './clone.ts';

/** A bundle directory. */
export interface TestBundle {
  readonly directory: string;
  readonly digest: string;
  readonly manifest: Manifest;
  /** Bytes of a file of it. */
  read(name: string): Buffer;
}

/** Which bundle, and what of it differs from the committed one. */
export interface BundleOptions {
  readonly from: string;
  readonly to: string;
  readonly key: SigningKey;
  readonly releaseCounter?: number;
}

/** Copies and signs a committed bundle, as a later release when a counter is given. */
export const signedBundle = ({ from, to, key, releaseCounter }: BundleOptions): TestBundle => {
  cpSync(CLONE.bundle(from), to, { recursive: true });
  rmSync(join(to, SIGNATURE_FILE), { force: true });
  const path = join(to, MANIFEST_FILE);
  const committed = parseManifest(readFileSync(path));
  if (releaseCounter !== undefined) {
    const release = { ...committed, releaseCounter, version: `${releaseCounter}.0.0` };
    writeFileSync(path, encodeManifest(release));
  }
  const bytes = readFileSync(path);
  writeFileSync(join(to, SIGNATURE_FILE), signManifest(key, bytes));
  return {
    directory: to,
    digest: sha256Of(bytes),
    manifest: parseManifest(bytes),
    read: (name) => readFileSync(join(to, name)),
  };
};

/** Changes one bit in the middle of a file. */
export const flipBit = (path: string): void => {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(path, bytes);
};
