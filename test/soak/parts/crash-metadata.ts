// What the publisher and the controller of the crash stories sign of their releases: roots, targets, snapshots, timestamps, one of each
// with every further release. Owns the documents; a device judges them as any other.
import {
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
  readonly controller: SigningKey;
}

/** What is listed. */
export interface Listed {
  readonly digest: string;
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

/**
 * The documents of a fleet that has released so many versions of its line, by the names that devices ask for. There are as
 * many roots as releases, so that a device meets a new one with each.
 */
export const metadataOf = (
  signers: MetadataSigners,
  releases: readonly Listed[],
): Map<string, Uint8Array> => {
  const { controller, fleet, publisher } = signers;
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
  const toTargets = { 'targets.json': linkTo(readMetadata('targets', targets)) };
  const snapshot = makeMetadata({ ...metadataHead('snapshot', head), meta: toTargets }, [publisher]);
  const toSnapshot = { 'snapshot.json': linkTo(readMetadata('snapshot', snapshot)) };
  const timestamp = makeMetadata({ ...metadataHead('timestamp', head), meta: toSnapshot }, [controller]);
  const roots = releases.map((_, at) => [metadataName('root', at + 1), rootOf(signers, at + 1)] as const);
  return new Map<string, Uint8Array>([
    ...roots,
    [metadataName('targets', version), targets],
    [metadataName('snapshot', version), snapshot],
    [TIMESTAMP_NAME, timestamp],
  ]);
};
