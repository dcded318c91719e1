/** Which release metadata may follow what the controller has: the rules of devices, before any device meets it. Pure. */
import { type Digest, type FleetId, type MetadataDocument, NanofleetError } from '@nanofleet/protocol';
import {
  firstRoot,
  linkTo,
  nextRoot,
  readMetadata,
  readSnapshot,
  readTargets,
} from '@nanofleet/protocol/node';

/** What it has. */
export interface AcceptedMetadata {
  readonly root: MetadataDocument<'root'> | null;
  /** Versions; 0 for none. */
  readonly targets: number;
  readonly snapshot: number;
}

/** What a publisher offers. */
export interface Offered {
  readonly roots: readonly string[];
  readonly releases: { readonly targets: string; readonly snapshot: string } | null;
}

interface AcceptedRoots {
  /** The newest. */
  readonly root: MetadataDocument<'root'>;
  /** Those that are new. */
  readonly roots: readonly MetadataDocument<'root'>[];
}

/** The first one must be of a publisher that the controller was started with: nobody else may begin. */
const beginning = (
  text: string,
  { fleet, publishers }: { fleet: FleetId; publishers: readonly Digest[] },
): MetadataDocument<'root'> => {
  const bytes = Buffer.from(text);
  const named = readMetadata('root', bytes).signed.roles.root.keyids;
  const publisher = publishers.find((key) => named.includes(key)) ?? '';
  return firstRoot(bytes, { fleet, publisher });
};

/** The roots, one after the other. @throws NanofleetError METADATA_* */
export const acceptRoots = (
  { root: known }: Pick<AcceptedMetadata, 'root'>,
  offered: readonly string[],
  around: { fleet: FleetId; publishers: readonly Digest[] },
): AcceptedRoots => {
  const roots: MetadataDocument<'root'>[] = [];
  let root = known;
  for (const text of offered) {
    root =
      root === null
        ? beginning(text, around)
        : nextRoot(Buffer.from(text), { fleet: around.fleet, root: root.signed, former: new Set() });
    roots.push(root);
  }
  if (root !== null) return { root, roots };
  throw new NanofleetError('METADATA_MISSING', 'The fleet has no root yet; make one: nanofleet trust init.');
};

/** Targets and their snapshot, both newer than what is known. @throws NanofleetError METADATA_* */
export const acceptReleases = (
  {
    root,
    snapshot: knownSnapshot,
    targets: knownTargets,
  }: AcceptedMetadata & { root: MetadataDocument<'root'> },
  offered: Offered['releases'],
  { fleet, nowMs }: { fleet: FleetId; nowMs: number },
): { targets: MetadataDocument<'targets'>; snapshot: MetadataDocument<'snapshot'> } | null => {
  if (offered === null) return null;
  const versions = { timestamp: 0, snapshot: knownSnapshot + 1, targets: knownTargets + 1 };
  const believed = { fleet, nowMs, root: root.signed, former: new Set<string>(), versions };
  const snapshotBytes = Buffer.from(offered.snapshot);
  // No timestamp leads to it yet: the controller makes that one.
  const link = linkTo(readMetadata('snapshot', snapshotBytes));
  const snapshot = readSnapshot(snapshotBytes, link, believed);
  if (snapshot.signed.version < versions.snapshot)
    throw new NanofleetError(
      'METADATA_OLD',
      `Snapshot ${snapshot.signed.version} was offered; version ${knownSnapshot} is known.`,
    );
  const targets = readTargets(Buffer.from(offered.targets), snapshot.signed.meta['targets.json'], believed);
  return { targets, snapshot };
};
