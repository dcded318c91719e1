/**
 * Release metadata: what the publishers of a fleet say of its releases, in the four roles of TUF 1.0. Owns the forms of the documents and
 * their names; signatures are checked in `node/metadata-signature.ts`. Never decides what to believe.
 */
import { z } from 'zod';
import { digestSchema, fleetIdSchema, lineIdSchema } from '../ids.ts';
import { PUBLISHERS_MAX, TARGETS_MAX } from '../limits/models.ts';
import { countSchema, versionSchema } from '../messages/vocabulary.ts';

/** The version of TUF's specification whose words these are. */
const SPEC_VERSION = '1.0.31';

/** Whoever signs what: `root` says which keys count, `targets` which releases there are, `snapshot` and `timestamp` which of those is the newest. */
export const METADATA_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type MetadataRole = (typeof METADATA_ROLES)[number];

/** The hardware that a release is for: any, or a platform as `linux-arm64`. */
export const hardwareSchema = z.union([
  z.literal('any'),
  z.string().regex(/^linux-[a-z0-9]{1,16}$/, 'must be any or linux-ARCH'),
]);
/** What fits every device. */
export const ANY_HARDWARE = 'any';

const documentVersionSchema = z.int().min(1);
const hashesSchema = z.object({ sha256: digestSchema });

const common = {
  spec_version: z.string().regex(/^1\.0(\.\d+)?$/),
  version: documentVersionSchema,
  /** ISO 8601 in UTC, as TUF writes it. */
  expires: z.iso.datetime(),
  /** So that a document of one fleet never counts in another of the same publisher. */
  fleet: fleetIdSchema,
};

const keySchema = z.object({
  keytype: z.literal('ed25519'),
  scheme: z.literal('ed25519'),
  /** Raw key in hex. */
  keyval: z.object({ public: z.string().regex(/^[0-9a-f]{64}$/) }),
});

const roleSchema = z
  .object({
    /** Fingerprints of the keys. */
    keyids: z.array(digestSchema).min(1).max(PUBLISHERS_MAX),
    /** How many of them must have signed. */
    threshold: z.int().min(1),
  })
  .refine(({ keyids, threshold }) => new Set(keyids).size === keyids.length && threshold <= keyids.length, {
    message: 'names a key twice, or asks for more signatures than there are keys',
  });

const rootSchema = z.object({
  _type: z.literal('root'),
  ...common,
  consistent_snapshot: z.literal(true),
  keys: z.record(digestSchema, keySchema),
  roles: z.object({ root: roleSchema, targets: roleSchema, snapshot: roleSchema, timestamp: roleSchema }),
});

/** Which bytes another document must have. */
const linkSchema = z.object({ version: documentVersionSchema, length: z.int().min(1), hashes: hashesSchema });

const snapshotSchema = z.object({
  _type: z.literal('snapshot'),
  ...common,
  meta: z.object({ 'targets.json': linkSchema }),
});

const timestampSchema = z.object({
  _type: z.literal('timestamp'),
  ...common,
  meta: z.object({ 'snapshot.json': linkSchema }),
});

/** A figure as the manifest states it, in the digits of its text: canonical JSON has whole numbers only. */
const figureSchema = z.string().max(128);

const modelSchema = z.object({
  kind: z.literal('model'),
  line: lineIdSchema,
  version: versionSchema,
  releaseCounter: z.int().min(1),
  /** Of all files together. */
  bytes: countSchema,
  hardware: hardwareSchema,
  /** What was measured, one entry for each data set. */
  quality: z.array(z.record(z.string().max(64), figureSchema)).max(32),
});

const agentSchema = z.object({
  kind: z.literal('agent'),
  version: z.string().max(64),
  /** Of all files together. */
  bytes: countSchema,
});

const targetSchema = z.object({
  /** Of `manifest.json`, bytes. */
  length: z.int().min(1),
  hashes: hashesSchema,
  custom: z.discriminatedUnion('kind', [modelSchema, agentSchema]),
});

const targetsSchema = z.object({
  _type: z.literal('targets'),
  ...common,
  /** By `targetPath`. */
  targets: z
    .record(z.string().regex(/^(model|agent)\/[0-9a-f]{64}$/), targetSchema)
    .refine((targets) => Object.keys(targets).length <= TARGETS_MAX, { message: `more than ${TARGETS_MAX}` })
    .refine(
      (targets) =>
        Object.entries(targets).every(
          ([path, { custom, hashes }]) => path === `${custom.kind}/${hashes.sha256}`,
        ),
      { message: 'a release stands under the name of another one' },
    ),
});

/** Form of what each role signs. */
export const SIGNED_SCHEMAS = {
  root: rootSchema,
  targets: targetsSchema,
  snapshot: snapshotSchema,
  timestamp: timestampSchema,
} as const satisfies Record<MetadataRole, z.ZodType>;

/** What a role signs. */
export type SignedMetadata<R extends MetadataRole = MetadataRole> = z.output<(typeof SIGNED_SCHEMAS)[R]>;
/** A document whose signatures have been checked or not, with the bytes that it was read from. */
export interface MetadataDocument<R extends MetadataRole = MetadataRole> {
  readonly role: R;
  readonly signed: SignedMetadata<R>;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
  /** What the signatures are over. */
  readonly signedText: string;
  /** The whole document. */
  readonly bytes: Uint8Array;
}

/** One release. */
export type Target = z.output<typeof targetSchema>;
/** What the publishers say of a model. */
export type ModelTarget = z.output<typeof modelSchema>;
/** What the publishers say of an agent. */
export type AgentTargetStatement = z.output<typeof agentSchema>;

/** Under which name a release stands among the targets. */
export const targetPath = (kind: Target['custom']['kind'], digest: string): string => `${kind}/${digest}`;

/** Which bytes a document must have, as the next role says it. */
export type MetadataLink = z.output<typeof linkSchema>;

/** The fields that all roles have. */
export const metadataHead = <R extends MetadataRole>(
  role: R,
  { expiresAtMs, fleet, version }: { fleet: SignedMetadata['fleet']; version: number; expiresAtMs: number },
) => ({
  _type: role,
  spec_version: SPEC_VERSION,
  version,
  // TUF has no fractions of a second.
  expires: new Date(Math.floor(expiresAtMs / 1_000) * 1_000).toISOString().replace('.000Z', 'Z'),
  fleet,
});

/** Milliseconds since 1970 at which a document stops to count. */
export const expiryOf = ({ expires }: Pick<SignedMetadata, 'expires'>): number => Date.parse(expires);

/** Name of a document among the blobs of devices, as TUF names it with consistent snapshots; the newest timestamp has no number. */
export const metadataName = (role: Exclude<MetadataRole, 'timestamp'>, version: number): string =>
  `${version}.${role}.json`;
/** Name of the newest timestamp. */
export const TIMESTAMP_NAME = 'timestamp.json';

/** The document of a name; null for another name. A version of 0 is the newest. */
export const parseMetadataName = (name: string): { role: MetadataRole; version: number } | null => {
  if (name === TIMESTAMP_NAME) return { role: 'timestamp', version: 0 };
  const [, version, role] = /^([1-9]\d{0,14})\.(root|targets|snapshot)\.json$/.exec(name) ?? [];
  return version === undefined ? null : { role: role as MetadataRole, version: Number(version) };
};
