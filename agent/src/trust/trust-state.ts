/**
 * What a device has accepted of the publishers' release metadata, as it lies on the disk: what it never goes back behind. Owns that file
 * and what of it a new root lets go; never judges a document.
 */
import { join } from 'node:path';
import {
  digestSchema,
  type MetadataDocument,
  type MetadataRole,
  type SignedMetadata,
} from '@nanofleet/protocol';
import { keysOfRole, readMetadata } from '@nanofleet/protocol/node';
import type { Disk } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';

const documentSchema = z.string().nullable();

const keptSchema = z.object({
  /** The newest root, as it was signed. */
  root: z.string(),
  /** Keys of all roots so far, of any role; those that the newest does not name are revoked. */
  keyIds: z.array(digestSchema),
  /** Keys of all roots so far whose bundles may lie here. */
  publishers: z.array(digestSchema),
  versions: z.object({
    timestamp: z.int().min(0),
    snapshot: z.int().min(0),
    targets: z.int().min(0),
  }),
  snapshot: documentSchema,
  targets: documentSchema,
  /** A time that has been, by what a trusted controller has signed; milliseconds since 1970. */
  floorMs: z.int().min(0),
});

type Kept = z.infer<typeof keptSchema>;

/** What is accepted. */
export interface TrustState extends Pick<Kept, 'floorMs' | 'keyIds' | 'publishers' | 'versions'> {
  readonly root: MetadataDocument<'root'>;
  readonly snapshot: MetadataDocument<'snapshot'> | null;
  readonly targets: MetadataDocument<'targets'> | null;
}

const pathIn = (directory: string): string => join(directory, 'release-metadata.json');

/** Forgets what was accepted under an earlier enrolment. */
export const dropReleaseMetadata = (disk: Disk, directory: string): void => disk.unlink(pathIn(directory));

const documentOf = <R extends MetadataRole>(role: R, text: string | null): MetadataDocument<R> | null =>
  text === null ? null : readMetadata(role, Buffer.from(text));

/** What was accepted; null before the first root. @throws NanofleetError STATE_CORRUPT: without it the device would believe older ones */
export const readTrustState = (disk: Disk, directory: string): TrustState | null => {
  const kept = readJsonFile(disk, pathIn(directory), keptSchema);
  if (kept === null) return null;
  return {
    ...kept,
    root: readMetadata('root', Buffer.from(kept.root)),
    snapshot: documentOf('snapshot', kept.snapshot),
    targets: documentOf('targets', kept.targets),
  };
};

const textOf = (document: MetadataDocument | null): string | null =>
  document === null ? null : Buffer.from(document.bytes).toString('utf8');

/** Replaces it, durably. Throws the disk's error. */
export const writeTrustState = (disk: Disk, directory: string, state: TrustState): void =>
  writeJsonFile(disk, pathIn(directory), {
    ...state,
    root: textOf(state.root),
    snapshot: textOf(state.snapshot),
    targets: textOf(state.targets),
  });

const NOTHING: Pick<TrustState, 'floorMs' | 'keyIds' | 'publishers' | 'snapshot' | 'targets' | 'versions'> = {
  floorMs: 0,
  keyIds: [],
  publishers: [],
  snapshot: null,
  targets: null,
  versions: { timestamp: 0, snapshot: 0, targets: 0 },
};

const allKeys = ({ roles }: SignedMetadata<'root'>) => Object.values(roles).flatMap(({ keyids }) => keyids);

/**
 * The state under a new root. Where the keys of a role change, what was known of its versions is let go (TUF 1.0, 5.3.11): a thief of
 * the key before may have counted them up to keep the fleet from all that follow.
 */
export const underRoot = (state: TrustState | null, root: MetadataDocument<'root'>): TrustState => {
  const { keyIds, publishers, versions, ...before } = state ?? NOTHING;
  const isKept = (role: MetadataRole): boolean =>
    state !== null && keysOfRole(state.root.signed, role) === keysOfRole(root.signed, role);
  const versionOf = (role: 'timestamp' | 'snapshot' | 'targets'): number =>
    isKept(role) ? versions[role] : 0;
  return {
    ...before,
    root,
    keyIds: [...new Set([...keyIds, ...allKeys(root.signed)])],
    publishers: [...new Set([...publishers, ...root.signed.roles.targets.keyids])],
    versions: {
      timestamp: versionOf('timestamp'),
      snapshot: versionOf('snapshot'),
      targets: versionOf('targets'),
    },
    // Signed by the keys before: the next look fetches them anew.
    snapshot: isKept('snapshot') ? before.snapshot : null,
    targets: isKept('targets') && isKept('snapshot') ? before.targets : null,
  };
};

/** Keys that counted once. */
export const formerKeys = ({ keyIds, root }: TrustState): ReadonlySet<string> => {
  const now = new Set<string>(allKeys(root.signed));
  return new Set(keyIds.filter((keyId) => !now.has(keyId)));
};
