// What the publisher and the controller of the crash stories sign of their releases: roots, targets, snapshots, timestamps, one of each
// with every further release. Owns the documents; a device judges them as any other.
import {
  type Digest,
  type FleetId,
  type Manifest,
  metadataHead,
  metadataName,
  modelStatement,
  TIMESTAMP_NAME,
  targetPath,
} from '@nanofleet/protocol';
import {
  linkTo,
  makeMetadata,
  metadataKeysOf,
  readMetadata,
  type SigningKey,
} from '@nanofleet/protocol/node';

/** Later than any clock of a story. */
const EXPIRES_AT_MS = 4e12;

/** Who signs. */
export interface MetadataSigners {
  readonly fleet: FleetId;
  readonly publisher: SigningKey;
  /** Who signs timestamps. */
  readonly controller: Pick<SigningKey, 'publicKey' | 'fingerprint'>;
}

/** What is listed. */
export interface Listed {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
}

const rootOf = ({ controller, fleet, publisher }: MetadataSigners, version: number): Buffer => {
  const role = { keyids: [publisher.fingerprint], threshold: 1 };
  const signed = {
    ...metadataHead('root', { fleet, version, expiresAtMs: EXPIRES_AT_MS }),
    consistent_snapshot: true,
    keys: metadataKeysOf([publisher.publicKey, controller.publicKey]),
    roles: {
      ...{ root: role, targets: role, snapshot: role },
      timestamp: { keyids: [controller.fingerprint], threshold: 1 },
    },
  };
  return makeMetadata(signed, [publisher]);
};

/** What publishers sign when they have released so many versions of their line: as many roots, so that a device meets a new one with each. */
export const signedMetadata = (signers: MetadataSigners, releases: readonly Listed[]) => {
  const { fleet, publisher } = signers;
  const version = releases.length;
  const head = { fleet, version, expiresAtMs: EXPIRES_AT_MS };
  const entries = releases.map(({ digest, manifest, manifestBytes }) => [
    targetPath('model', digest),
    { length: manifestBytes.length, hashes: { sha256: digest }, custom: modelStatement(manifest, 'any') },
  ]);
  const targets = makeMetadata(
    { ...metadataHead('targets', head), targets: Object.fromEntries(entries) as object },
    [publisher],
  );
  const meta = { 'targets.json': linkTo(readMetadata('targets', targets)) };
  const snapshot = makeMetadata({ ...metadataHead('snapshot', head), meta }, [publisher]);
  return { roots: releases.map((_, at) => rootOf(signers, at + 1)), targets, snapshot };
};

/** All documents, by the names that devices ask for, with the timestamp that a controller signs. */
export const servedMetadata = (
  signers: MetadataSigners & { readonly controller: SigningKey },
  releases: readonly Listed[],
): Map<string, Uint8Array> => {
  const { controller, fleet } = signers;
  const version = releases.length;
  const { roots, snapshot, targets } = signedMetadata(signers, releases);
  const meta = { 'snapshot.json': linkTo(readMetadata('snapshot', snapshot)) };
  const head = metadataHead('timestamp', { fleet, version, expiresAtMs: EXPIRES_AT_MS });
  return new Map<string, Uint8Array>([
    ...roots.map((root, at) => [metadataName('root', at + 1), root] as const),
    [metadataName('targets', version), targets],
    [metadataName('snapshot', version), snapshot],
    [TIMESTAMP_NAME, makeMetadata({ ...head, meta }, [controller])],
  ]);
};
