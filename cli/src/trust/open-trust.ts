/**
 * The release metadata of a fleet as a publisher may go on from it: what the profile has, and what the controller has beyond, each
 * document checked as devices check it. Never signs.
 */
import {
  type Digest,
  type FleetId,
  type MetadataDocument,
  metadataName,
  NanofleetError,
  type Trust,
} from '@nanofleet/protocol';
import {
  checkMetadataSignatures,
  firstRoot,
  linkTo,
  nextRoot,
  type RootPin,
  readMetadata,
  readTargets,
  type SigningKey,
} from '@nanofleet/protocol/node';
import type { Client } from '../client.ts';
import type { Profile } from '../profile.ts';
import { TrustFiles } from './trust-files.ts';

/** What a publisher goes on from. */
export interface OpenTrust {
  readonly fleet: FleetId;
  readonly files: TrustFiles;
  /** All roots, the newest last. */
  readonly roots: readonly MetadataDocument<'root'>[];
  readonly root: MetadataDocument<'root'>;
  readonly targets: MetadataDocument<'targets'> | null;
  /** Of the newest snapshot that is known. */
  readonly snapshotVersion: number;
  /** Roots that the controller does not have. */
  readonly rootsBehind: readonly MetadataDocument<'root'>[];
  readonly controllerKeys: readonly Buffer[];
}

/** Raw keys of the controller. */
export const controllerKeysOf = ({ controllerKeys }: Trust): Buffer[] =>
  controllerKeys.map((key) => Buffer.from(key, 'base64'));

const versionIn = ({ roles }: Trust, wanted: string): number =>
  roles.find(({ role }) => role === wanted)?.version ?? 0;

const fetchDocument = async (client: Client, name: string): Promise<Buffer> =>
  Buffer.from((await client.call('metadata', { params: { name } })).document);

/**
 * The metadata of the fleet; null when it has none.
 * @param key of the publisher; where the profile meets the fleet for the first time the first root must be this one's
 * @param beginner fingerprint of another publisher whose the first root is, learnt from a person and never from the controller: what
 * it lists is signed once more with the own key
 * @throws NanofleetError METADATA_* of what does not follow from what the profile knows
 */
export async function openTrust(
  client: Client,
  { beginner, key, profile }: { key: SigningKey; profile: Profile; beginner?: Digest },
): Promise<OpenTrust | null> {
  const trust = await client.call('trust');
  const { fleet } = trust;
  const files = new TrustFiles(profile, fleet);
  const known = await files.roots();
  const publisher = beginner ?? key.fingerprint;
  const newest = versionIn(trust, 'root');
  const roots = await followRoots(client, { fleet, publisher, roots: known, newest });
  const root = roots.at(-1);
  if (root === undefined) return null;
  for (const fresh of roots.slice(known.length)) await files.keep(fresh);
  const targets = await newestTargets(client, { files, root, offered: versionIn(trust, 'targets') });
  const snapshot = await files.newest('snapshot');
  return {
    ...{ fleet, files, roots, root, targets },
    snapshotVersion: Math.max(versionIn(trust, 'snapshot'), snapshot?.signed.version ?? 0),
    rootsBehind: roots.slice(versionIn(trust, 'root')),
    controllerKeys: controllerKeysOf(trust),
  };
}

const followRoots = async (
  client: Client,
  from: Pick<RootPin, 'fleet' | 'publisher'> & {
    newest: number;
    roots: readonly MetadataDocument<'root'>[];
  },
): Promise<MetadataDocument<'root'>[]> => {
  const { fleet } = from;
  const all = [...from.roots];
  while (all.length < from.newest) {
    const bytes = await fetchDocument(client, metadataName('root', all.length + 1));
    const last = all.at(-1);
    all.push(
      last === undefined
        ? beginning(bytes, from)
        : nextRoot(bytes, { fleet, root: last.signed, former: new Set() }),
    );
  }
  return all;
};

const beginning = (
  bytes: Buffer,
  { fleet, publisher }: Pick<RootPin, 'fleet' | 'publisher'>,
): MetadataDocument<'root'> => {
  const [first = ''] = readMetadata('root', bytes).signed.roles.root.keyids;
  if (first === publisher) return firstRoot(bytes, { fleet, publisher });
  throw new NanofleetError(
    'METADATA_ROOT_WRONG',
    'This profile meets the fleet for the first time, and another publisher has begun its metadata. Ask that one for the fingerprint of its key (nanofleet keys ls), and run: nanofleet trust follow FINGERPRINT.',
  );
};

/** What was signed last, be it here or by another publisher. A controller that has an older one gets it back with the next push. */
const newestTargets = async (
  client: Client,
  { files, offered, root }: { files: TrustFiles; root: MetadataDocument<'root'>; offered: number },
): Promise<MetadataDocument<'targets'> | null> => {
  const own = await files.newest('targets');
  const counting = { root: root.signed, former: new Set<string>() };
  if (offered <= (own?.signed.version ?? 0)) {
    if (own !== null) checkMetadataSignatures(own, counting);
    return own;
  }
  const bytes = await fetchDocument(client, metadataName('targets', offered));
  const document = readMetadata('targets', bytes);
  const versions = { timestamp: 0, snapshot: 0, targets: 0 };
  // Expiry is no matter: what comes of it is signed anew.
  const believed = { ...counting, fleet: root.signed.fleet, nowMs: 0, versions };
  return readTargets(bytes, linkTo(document), believed);
};
