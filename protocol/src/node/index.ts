/** What of the protocol needs Node: keys, digests, signatures, fleet tokens. */
export * from './bundle-signature.ts';
export * from './fleet-token.ts';
export * from './key-file.ts';
export * from './keys.ts';
export * from './sha256.ts';
export * from './tls-key.ts';
