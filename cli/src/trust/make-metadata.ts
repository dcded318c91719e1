/** Owns what publishers sign in release metadata: roots, targets and snapshots as values. Pure; never signs and never sends. */
import {
  type FleetId,
  type MetadataDocument,
  metadataHead,
  NanofleetError,
  type SignedMetadata,
  TARGETS_MAX,
  type Target,
} from '@nanofleet/protocol';
import { fingerprintOf, linkTo, metadataKeysOf } from '@nanofleet/protocol/node';

const DAY_MS = 86_400_000;
/** How long a root counts: it is renewed with each change of keys. */
const ROOT_MS = 730 * DAY_MS;
/** How long targets and their snapshot count: they are renewed with each push. */
const RELEASES_MS = 365 * DAY_MS;

/** Whose keys a root names. */
export interface RootPlan {
  readonly fleet: FleetId;
  readonly version: number;
  /** Raw keys. */
  readonly publishers: readonly Uint8Array[];
  /** How many publishers must sign roots and targets. */
  readonly threshold: number;
  /** Raw keys that may sign timestamps. */
  readonly controllers: readonly Uint8Array[];
  readonly nowMs: number;
}

/** What a root says. Any publisher may sign the snapshot: it only says which of the documents that enough have signed is the newest. */
export const rootOf = ({ controllers, fleet, nowMs, publishers, threshold, version }: RootPlan) => {
  const keyids = publishers.map(fingerprintOf);
  return {
    ...metadataHead('root', { fleet, version, expiresAtMs: nowMs + ROOT_MS }),
    consistent_snapshot: true,
    keys: metadataKeysOf([...publishers, ...controllers]),
    roles: {
      root: { keyids, threshold },
      targets: { keyids, threshold },
      snapshot: { keyids, threshold: 1 },
      timestamp: { keyids: controllers.map(fingerprintOf), threshold: 1 },
    },
  };
};

/** The publishers of a root, raw keys. */
export const publishersOf = ({ keys, roles }: SignedMetadata<'root'>): Buffer[] =>
  roles.root.keyids.map((keyid) => Buffer.from(keys[keyid]?.keyval.public ?? '', 'hex'));

/** Releases by their paths. */
export type Releases = Readonly<Record<string, Target>>;

/** What targets say. @throws NanofleetError TARGETS_TOO_MANY */
export const targetsOf = (
  targets: Releases,
  { fleet, nowMs, version }: { fleet: FleetId; version: number; nowMs: number },
) => {
  if (Object.keys(targets).length > TARGETS_MAX)
    throw new NanofleetError(
      'TARGETS_TOO_MANY',
      `There would be more than ${TARGETS_MAX} releases. Withdraw those that nobody runs: nanofleet trust withdraw DIGEST.`,
    );
  return { ...metadataHead('targets', { fleet, version, expiresAtMs: nowMs + RELEASES_MS }), targets };
};

/** What a snapshot of targets says. */
export const snapshotOf = (
  targets: MetadataDocument<'targets'>,
  { fleet, nowMs, version }: { fleet: FleetId; version: number; nowMs: number },
) => ({
  ...metadataHead('snapshot', { fleet, version, expiresAtMs: nowMs + RELEASES_MS }),
  meta: { 'targets.json': linkTo(targets) },
});
