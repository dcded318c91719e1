/**
 * Owns Ed25519 keys: making, fingerprints, signing and checking bytes. Knows nothing of what is signed.
 * A public key travels as its raw 32 bytes; its fingerprint, SHA-256 of those bytes, is what tokens pin.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { assert } from '../errors.ts';
import type { Digest } from '../ids.ts';
import { readKeyFile, writeKeyFile } from './key-file.ts';
import { sha256Of } from './sha256.ts';

const RAW_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** DER of a SubjectPublicKeyInfo for Ed25519 up to the key itself (RFC 8410 section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** A key pair that can sign. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** Raw 32 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the raw public key; also called key id. */
  readonly fingerprint: Digest;
}

/** Fingerprint of a raw public key. */
export const fingerprintOf = (publicKey: Uint8Array): Digest => sha256Of(publicKey);

/** Makes a new key pair from the operating system's randomness. */
export const generateSigningKey = (): SigningKey => fromPrivate(generateKeyPairSync('ed25519').privateKey);

function fromPrivate(privateKey: KeyObject): SigningKey {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(spki.subarray(SPKI_PREFIX.length));
  assert(publicKey.length === RAW_KEY_BYTES, 'an Ed25519 public key has 32 bytes');
  return { privateKey, publicKey, fingerprint: fingerprintOf(publicKey) };
}

/** Ed25519 signature of bytes, 64 bytes in base64. */
export const signBytes = (key: SigningKey, bytes: Uint8Array): string =>
  sign(null, bytes, key.privateKey).toString('base64');

/** Whether a base64 signature over bytes fits a raw public key; false for anything malformed. */
export function isSignedBy(
  publicKey: Uint8Array,
  options: { bytes: Uint8Array; signature: string },
): boolean {
  const signature = Buffer.from(options.signature, 'base64');
  if (publicKey.length !== RAW_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  // A JWK takes 5 µs where the same key in DER takes 70: OpenSSL looks for a decoder of DER each time.
  const key = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') };
  try {
    return verify(null, options.bytes, createPublicKey({ key, format: 'jwk' }), signature);
  } catch {
    // OpenSSL refuses points that are not on the curve by throwing: such a key has signed nothing.
    return false;
  }
}

/**
 * Writes a private key into a new file of mode 0600.
 * @throws NanofleetError `KEY_FILE_INVALID` when the file exists: a key is never overwritten.
 */
export const writeSigningKey = (path: string, key: SigningKey): Promise<void> =>
  writeKeyFile(path, key.privateKey);

/**
 * Reads a private key that writeSigningKey wrote.
 * @throws NanofleetError `KEY_FILE_INVALID` when it is missing, readable for others, or no Ed25519 key.
 */
export const readSigningKey = async (path: string): Promise<SigningKey> =>
  fromPrivate(await readKeyFile(path, 'ed25519'));
