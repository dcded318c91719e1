// Ed25519 keys out of a seed, so that signatures, too, are the same in every replay. Never for anything that is real.
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { fingerprintOf, type SigningKey } from '@nanofleet/protocol/node';
import type { Random } from '@nanofleet/runtime/ports';

/** DER of a PKCS#8 Ed25519 key up to the seed itself (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const RAW_KEY_BYTES = 32;

/** A key pair from a stream of chance. */
export const seededKey = (random: Random): SigningKey => {
  const der = Buffer.concat([PKCS8_PREFIX, random.bytes(RAW_KEY_BYTES)]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const publicKey = Uint8Array.from(spki.subarray(-RAW_KEY_BYTES));
  return { privateKey, publicKey, fingerprint: fingerprintOf(publicKey) };
};
