/**
 * Which document of release metadata may follow what is known already: the client's workflow of TUF 1.0 (section 5), each refusal with
 * a code of its own. Pure: devices, the controller and publishers all judge by it. Never fetches and never keeps anything.
 */
import { NanofleetError } from '../errors.ts';
import type { FleetId } from '../ids.ts';
import {
  expiryOf,
  type MetadataDocument,
  type MetadataLink,
  type MetadataRole,
  type SignedMetadata,
} from '../metadata/roles.ts';
import { type CountingKeys, checkMetadataSignatures, readMetadata } from './metadata-signature.ts';
import { sha256Of } from './sha256.ts';

/** What a fleet token says of the first root that a device believes. */
export interface RootPin {
  readonly fleet: FleetId;
  /** Fingerprint of a publisher: the first root names and is signed by it. */
  readonly publisher: string;
  /** The very root that was the newest when the token was made. */
  readonly root?: { readonly version: number; readonly digest: string } | undefined;
}

/** What a reader believes. */
export interface Believed extends CountingKeys {
  readonly fleet: FleetId;
  /** Milliseconds since 1970, as well as the reader knows. */
  readonly nowMs: number;
  /** Lowest versions that count. */
  readonly versions: Readonly<Record<Exclude<MetadataRole, 'root'>, number>>;
}

const refuse = (code: 'METADATA_ROOT_WRONG' | 'METADATA_OLD' | 'METADATA_MIXED', why: string) =>
  new NanofleetError(code, why);

const checkFleet = ({ role, signed }: MetadataDocument, fleet: FleetId): void => {
  if (signed.fleet === fleet) return;
  throw new NanofleetError(
    'METADATA_FLEET_WRONG',
    `the ${role} metadata is of fleet ${signed.fleet}, this is ${fleet}`,
  );
};

/** @throws NanofleetError METADATA_EXPIRED, METADATA_FROZEN for the controller's own */
export const checkFresh = ({ role, signed }: MetadataDocument, nowMs: number): void => {
  if (expiryOf(signed) > nowMs) return;
  const problem = `the ${role} metadata, version ${signed.version}, has expired: ${signed.expires}`;
  if (role !== 'timestamp')
    throw new NanofleetError('METADATA_EXPIRED', `${problem}. Run: nanofleet trust renew`);
  throw new NanofleetError('METADATA_FROZEN', `${problem}; the controller makes a new one every few days`);
};

/**
 * The first root of a reader.
 * @throws NanofleetError METADATA_* of the first thing that is wrong
 */
export const firstRoot = (bytes: Uint8Array, pin: RootPin): MetadataDocument<'root'> => {
  const document = readMetadata('root', bytes);
  const { signed } = document;
  checkFleet(document, pin.fleet);
  const wanted = pin.root ?? { version: 1, digest: null };
  if (signed.version !== wanted.version)
    throw refuse('METADATA_ROOT_WRONG', `root ${wanted.version} was asked for, ${signed.version} came`);
  checkMetadataSignatures(document, { root: signed, former: new Set() });
  if (wanted.digest === null) requirePublisher(document, pin);
  else if (sha256Of(bytes) !== wanted.digest)
    throw refuse('METADATA_ROOT_WRONG', `root ${wanted.version} is not the one that the fleet token pins`);
  return document;
};

/** The pinned key must have signed, not only be named: whoever else signs can name it, too. */
const requirePublisher = (document: MetadataDocument<'root'>, { publisher }: RootPin): void => {
  const { signed } = document;
  const isNamed = signed.roles.root.keyids.some((keyid) => keyid === publisher);
  if (!isNamed)
    throw refuse(
      'METADATA_ROOT_WRONG',
      `root 1 does not name the publisher ${publisher.slice(0, 16)}… that the fleet token pins`,
    );
  const alone = { keyids: signed.roles.root.keyids.filter((keyid) => keyid === publisher), threshold: 1 };
  const roles = { ...signed.roles, root: alone };
  checkMetadataSignatures(document, { root: { ...signed, roles }, former: new Set() });
};

/**
 * The root after another one: signed by enough keys of the one before and by enough of its own.
 * @throws NanofleetError METADATA_* of the first thing that is wrong
 */
export const nextRoot = (
  bytes: Uint8Array,
  { fleet, former, root }: Pick<Believed, 'fleet' | 'former' | 'root'>,
): MetadataDocument<'root'> => {
  const document = readMetadata('root', bytes);
  checkFleet(document, fleet);
  if (document.signed.version !== root.version + 1)
    throw refuse(
      document.signed.version <= root.version ? 'METADATA_OLD' : 'METADATA_ROOT_WRONG',
      `root ${root.version + 1} was asked for, ${document.signed.version} came`,
    );
  checkMetadataSignatures(document, { root, former });
  checkMetadataSignatures(document, { root: document.signed, former });
  return document;
};

const checkOlder = ({ role, signed }: MetadataDocument, known: number): void => {
  if (signed.version >= known) return;
  throw refuse(
    'METADATA_OLD',
    `the ${role} metadata is version ${signed.version}; version ${known} is known`,
  );
};

/** @throws NanofleetError METADATA_* */
export const readTimestamp = (bytes: Uint8Array, believed: Believed): MetadataDocument<'timestamp'> => {
  const document = readMetadata('timestamp', bytes);
  checkFleet(document, believed.fleet);
  checkMetadataSignatures(document, believed);
  checkOlder(document, believed.versions.timestamp);
  const { version } = document.signed.meta['snapshot.json'];
  if (version < believed.versions.snapshot)
    throw refuse(
      'METADATA_OLD',
      `the timestamp leads to snapshot ${version}; version ${believed.versions.snapshot} is known`,
    );
  checkFresh(document, believed.nowMs);
  return document;
};

/** @throws NanofleetError METADATA_MIXED */
const checkLink = (document: MetadataDocument, { hashes, length, version }: MetadataLink): void => {
  const { bytes, role, signed } = document;
  if (bytes.length === length && sha256Of(bytes) === hashes.sha256 && signed.version === version) return;
  throw refuse('METADATA_MIXED', `the ${role} metadata is not the one that the others belong to`);
};

/** @throws NanofleetError METADATA_* */
export const readSnapshot = (
  bytes: Uint8Array,
  link: MetadataLink,
  believed: Believed,
): MetadataDocument<'snapshot'> => {
  const document = readMetadata('snapshot', bytes);
  checkFleet(document, believed.fleet);
  checkMetadataSignatures(document, believed);
  checkLink(document, link);
  const { version } = document.signed.meta['targets.json'];
  if (version < believed.versions.targets)
    throw refuse(
      'METADATA_OLD',
      `the snapshot leads to targets ${version}; version ${believed.versions.targets} is known`,
    );
  checkFresh(document, believed.nowMs);
  return document;
};

/** @throws NanofleetError METADATA_* */
export const readTargets = (
  bytes: Uint8Array,
  link: MetadataLink,
  believed: Believed,
): MetadataDocument<'targets'> => {
  const document = readMetadata('targets', bytes);
  checkFleet(document, believed.fleet);
  checkMetadataSignatures(document, believed);
  checkLink(document, link);
  checkFresh(document, believed.nowMs);
  return document;
};

/** How a document is linked to. */
export const linkTo = ({ bytes, signed }: Pick<MetadataDocument, 'bytes' | 'signed'>): MetadataLink => ({
  version: signed.version,
  length: bytes.length,
  hashes: { sha256: sha256Of(bytes) },
});

/** Keys that a root names for a role, and how many must sign; different ones end what was known of that role's versions. */
export const keysOfRole = (root: SignedMetadata<'root'>, role: MetadataRole): string => {
  const { keyids, threshold } = root.roles[role];
  return `${threshold} of ${[...keyids].sort().join(' ')}`;
};
