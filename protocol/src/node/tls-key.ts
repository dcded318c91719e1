/**
 * Owns keys for TLS: P-256, made and proven with node:crypto alone, so that a device needs no library for certificates.
 * P-256 with SHA-256 is what all of TLS 1.3 must speak (RFC 8446, 9.1). Never makes a certificate.
 */
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import { NanofleetError } from '../errors.ts';
import type { Digest } from '../ids.ts';
import { sha256Of } from './sha256.ts';

const CURVE = 'prime256v1';
/** Says what the signatures are for: none of them can be taken for another one of the same keys. */
const BINDING = 'nanofleet tls 1\n';

/** Makes a key from the operating system's randomness. */
export const generateTlsKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: CURVE }).privateKey;

/** SubjectPublicKeyInfo of a key, DER. */
export const spkiOf = (key: KeyObject): Buffer =>
  (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });

/** SHA-256 of a certificate's public key: what fleet tokens and operators pin. */
export const keyDigestOf = (certificate: X509Certificate): Digest => sha256Of(spkiOf(certificate.publicKey));

/**
 * The first certificate of a PEM.
 * @throws NanofleetError `KEY_FILE_INVALID`
 */
export const parseCertificate = (pem: string | Uint8Array): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new NanofleetError('KEY_FILE_INVALID', 'A certificate cannot be read: it is no X.509 in PEM.', {
      cause,
    });
  }
};

/** What both keys of a device sign when it asks for a certificate: for this nonce and this TLS key, nothing else. */
export const tlsBindingOf = (nonce: Uint8Array, spki: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(BINDING), nonce, spki]);

/** Signature of a TLS key, base64. */
export const signWithTlsKey = (key: KeyObject, bytes: Uint8Array): string =>
  sign('sha256', bytes, key).toString('base64');

/** Whether a signature is of the P-256 key with this SubjectPublicKeyInfo; false for anything malformed. */
export const isSignedByTlsKey = (
  spki: Uint8Array,
  { bytes, signature }: { bytes: Uint8Array; signature: string },
): boolean => {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    if (key.asymmetricKeyDetails?.namedCurve !== CURVE) return false;
    return verify('sha256', bytes, key, Buffer.from(signature, 'base64'));
  } catch {
    // OpenSSL throws for bytes that are no key: nothing was signed by it.
    return false;
  }
};
