/**
 * Signed copies of the committed bundles for tests: other releases, other keys, changed files. Owns directories below
 * the test's own; the clone's bundles are only read.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeManifest,
  fileOfRole,
  MANIFEST_FILE,
  type Manifest,
  NanofleetError,
  parseManifest,
  SIGNATURE_FILE,
  WIRE_FORM,
} from '@nanofleet/protocol';
import { type SigningKey, sha256Of, signManifest } from '@nanofleet/protocol/node';
import { packedForm } from '@nanofleet/runtime/testing';
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
  const bytes = readFileSync(join(to, MANIFEST_FILE));
  if (releaseCounter === undefined) return signed({ to, key }, bytes);
  const release = { ...parseManifest(bytes), releaseCounter, version: `${releaseCounter}.0.0` };
  return signed({ to, key }, encodeManifest(release));
};

/** The same with its table in so many bits, which it travels in. */
export const packedBundle = ({ bits, ...options }: BundleOptions & { readonly bits: number }): TestBundle => {
  const whole = signedBundle(options);
  const file = fileOfRole(whole.manifest, 'infer.int8');
  if (file === undefined) throw new NanofleetError('INTERNAL', 'a committed bundle has a graph');
  const grids = whole.manifest.quantization;
  const { graph, wire, quantization } = packedForm(whole.read(file.name), { grids, bits });
  const stated = (name: string, content: Uint8Array) => {
    writeFileSync(join(options.to, name), content);
    return { name, sha256: sha256Of(content), bytes: content.length };
  };
  const packed = {
    ...file,
    ...stated(file.name, graph),
    wire: { form: WIRE_FORM, ...stated('infer.nfw', wire) },
  };
  const files = whole.manifest.files.map((other) => (other === file ? packed : other));
  // Its golden vectors are those of eight bits.
  const manifest = { ...whole.manifest, files, quantization, golden: { tolerance: 5 } };
  return signed(options, encodeManifest(manifest));
};

/** Signs a manifest for the bundle whose files lie in a directory. */
export const signed = ({ key, to }: Pick<BundleOptions, 'key' | 'to'>, manifest: Uint8Array): TestBundle => {
  writeFileSync(join(to, MANIFEST_FILE), manifest);
  writeFileSync(join(to, SIGNATURE_FILE), signManifest(key, manifest));
  return {
    directory: to,
    digest: sha256Of(manifest),
    manifest: parseManifest(manifest),
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
