/** What a device sends to ask for a certificate: its TLS key, proven by that key and by the device's own. Pure. */
import type { KeyObject } from 'node:crypto';
import type { TlsRequest } from '@nanofleet/protocol';
import { type SigningKey, signBytes, signWithTlsKey, spkiOf, tlsBindingOf } from '@nanofleet/protocol/node';

/** The two keys of a device. */
export interface DeviceKeys {
  /** Ed25519: who it is. */
  readonly device: SigningKey;
  /** P-256, private: how it connects. */
  readonly tls: KeyObject;
}

/** The request over a nonce (base64) that is in the same message. */
export const tlsRequestOf = ({ device, tls }: DeviceKeys, nonce: string): TlsRequest => {
  const spki = spkiOf(tls);
  const bytes = tlsBindingOf(Buffer.from(nonce, 'base64'), spki);
  return {
    publicKey: spki.toString('base64'),
    proof: signWithTlsKey(tls, bytes),
    bond: signBytes(device, bytes),
  };
};
