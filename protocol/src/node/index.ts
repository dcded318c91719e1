/** What of the protocol needs Node: keys, digests, signatures, fleet tokens, files of sockets. */
export * from './bundle-signature.ts';
export * from './fleet-token.ts';
export * from './key-file.ts';
export * from './keys.ts';
export * from './metadata-chain.ts';
export * from './metadata-signature.ts';
export * from './sha256.ts';
export * from './socket-file.ts';
export * from './tls-key.ts';
