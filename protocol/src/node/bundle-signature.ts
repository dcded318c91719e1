/**
 * Owns the detached signature of a bundle: its file format, making it and checking it. The signature covers the exact bytes of
 * manifest.json, and is checked before anything parses them. Never decides which release may run (the runtime does).
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type AgentRelease, parseAgentRelease } from '../agent-release.ts';
import { NanofleetError } from '../errors.ts';
import { type Digest, digestSchema } from '../ids.ts';
import {
  type BundleFile,
  formsOf,
  MANIFEST_FILE,
  type Manifest,
  parseManifest,
  SIGNATURE_FILE,
  type StoredFile,
} from '../manifest.ts';
import { fingerprintOf, isSignedBy, type SigningKey, signBytes } from './keys.ts';
import { sha256Of, sha256OfFile } from './sha256.ts';

/** Bytes of a signature file; it holds three short strings. */
const SIGNATURE_FILE_BYTES_MAX = 1024;

const base64 = (bytes: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/)
    .refine((text) => Buffer.from(text, 'base64').length === bytes);

const signatureSchema = z.object({
  /** Fingerprint of the public key. */
  keyId: digestSchema,
  /** Raw public key in base64: tokens pin only its fingerprint, so the key itself travels here. */
  publicKey: base64(32),
  /** Ed25519 signature over the exact bytes of manifest.json, base64. */
  signature: base64(64),
});

/** The content of `manifest.sig`. */
export type BundleSignature = z.infer<typeof signatureSchema>;

/** Signs the exact bytes of a manifest; the result is the content of `manifest.sig`. */
export function signManifest(key: SigningKey, manifestBytes: Uint8Array): Uint8Array {
  const content = {
    keyId: key.fingerprint,
    publicKey: Buffer.from(key.publicKey).toString('base64'),
    signature: signBytes(key, manifestBytes),
  };
  return new TextEncoder().encode(`${JSON.stringify(content)}\n`);
}

/**
 * Checks the signature of manifest bytes against pinned fingerprints, and returns the fingerprint that signed.
 * @throws NanofleetError `SIGNATURE_MALFORMED`, `SIGNATURE_KEY_FOREIGN` or `SIGNATURE_WRONG`.
 */
export function checkManifestSignature(options: {
  manifestBytes: Uint8Array;
  signatureBytes: Uint8Array;
  publisherFingerprints: readonly string[];
}): Digest {
  const { keyId, publicKey, signature } = parseSignature(options.signatureBytes);
  const raw = Buffer.from(publicKey, 'base64');
  if (fingerprintOf(raw) !== keyId) {
    throw new NanofleetError('SIGNATURE_MALFORMED', `${SIGNATURE_FILE} names a key that it does not carry.`);
  }
  if (!options.publisherFingerprints.includes(keyId)) {
    const problem = `The bundle is signed with key ${keyId.slice(0, 16)}…, which is not pinned here.`;
    throw new NanofleetError('SIGNATURE_KEY_FOREIGN', problem, { facts: { keyId } });
  }
  if (!isSignedBy(raw, { bytes: options.manifestBytes, signature })) {
    throw new NanofleetError(
      'SIGNATURE_WRONG',
      `${SIGNATURE_FILE} does not fit ${MANIFEST_FILE}: one of them was changed.`,
    );
  }
  return keyId;
}

function parseSignature(bytes: Uint8Array): BundleSignature {
  const refuse = (cause?: unknown) =>
    new NanofleetError(
      'SIGNATURE_MALFORMED',
      `${SIGNATURE_FILE} is not {keyId, publicKey, signature} in JSON.`,
      { cause },
    );
  if (bytes.byteLength > SIGNATURE_FILE_BYTES_MAX) throw refuse();
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refuse(cause);
  }
  const parsed = signatureSchema.safeParse(value);
  if (!parsed.success) throw refuse(parsed.error);
  return parsed.data;
}

/** A bundle directory that was signed. */
export interface SignedBundle {
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/**
 * Signs a bundle directory: checks the manifest and every file it lists, then writes `manifest.sig` atomically.
 * @throws NanofleetError `BUNDLE_FILE_MISSING`, `DIGEST_MISMATCH` or what parseManifest throws: a broken bundle is never signed.
 */
export async function signBundleDirectory(directory: string, key: SigningKey): Promise<SignedBundle> {
  const manifestBytes = await readBundleFile(directory, MANIFEST_FILE);
  const manifest = parseManifest(manifestBytes);
  for (const file of manifest.files) await checkFile(directory, file);
  await writeAtomically(join(directory, SIGNATURE_FILE), signManifest(key, manifestBytes));
  return { digest: sha256Of(manifestBytes), manifest };
}

/** A release of the agent whose directory was signed. */
export interface SignedAgent {
  readonly digest: Digest;
  readonly release: AgentRelease;
}

/**
 * Signs a directory of a release of the agent, as one of a bundle.
 * @throws NanofleetError `BUNDLE_FILE_MISSING`, `DIGEST_MISMATCH` or what parseAgentRelease throws
 */
export async function signAgentDirectory(directory: string, key: SigningKey): Promise<SignedAgent> {
  const manifestBytes = await readBundleFile(directory, MANIFEST_FILE);
  const release = parseAgentRelease(manifestBytes);
  for (const file of release.files)
    if (!(await isThere(directory, file))) throw missing(directory, file.name);
  await writeAtomically(join(directory, SIGNATURE_FILE), signManifest(key, manifestBytes));
  return { digest: sha256Of(manifestBytes), release };
}

/** Checks what of a file and its wire form is there; one of them must be. */
async function checkFile(directory: string, file: BundleFile): Promise<void> {
  const found: boolean[] = [];
  for (const form of formsOf([file])) found.push(await isThere(directory, form));
  if (!found.includes(true)) throw missing(directory, file.name);
}

/** Whether a file is there; @throws NanofleetError `DIGEST_MISMATCH` when it is, but is another one. */
async function isThere(directory: string, file: StoredFile): Promise<boolean> {
  const found = await sha256OfFile(join(directory, file.name)).catch(() => undefined);
  if (found === undefined || found === file.sha256) return found !== undefined;
  const problem = `${file.name} in ${directory} does not have the digest that its manifest states.`;
  throw new NanofleetError('DIGEST_MISMATCH', problem, { facts: { file: file.name } });
}

const readBundleFile = (directory: string, name: string): Promise<Uint8Array> =>
  readFile(join(directory, name)).catch((cause: unknown) => {
    throw missing(directory, name, cause);
  });

const missing = (directory: string, file: string, cause?: unknown): NanofleetError =>
  new NanofleetError('BUNDLE_FILE_MISSING', `${file} cannot be read in ${directory}.`, {
    cause,
    facts: { file },
  });

async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.part`, 'w', 0o644);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}
