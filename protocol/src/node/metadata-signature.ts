/**
 * Owns signatures of release metadata: making them, and reading a document whose signatures are enough by the keys of a root. The
 * signatures are over the canonical JSON of what is signed. Never decides which document follows which.
 */
import { z } from 'zod';
import { firstIssue } from '../envelope.ts';
import { NanofleetError } from '../errors.ts';
import type { Digest } from '../ids.ts';
import { PUBLISHERS_MAX } from '../limits/models.ts';
import { canonicalJson, parseCanonicalJson } from '../metadata/canonical-json.ts';
import {
  type MetadataDocument,
  type MetadataRole,
  SIGNED_SCHEMAS,
  type SignedMetadata,
} from '../metadata/roles.ts';
import { fingerprintOf, isSignedBy, type SigningKey, signBytes } from './keys.ts';

const SIGNATURE_HEX = /^[0-9a-f]{128}$/;

/** Nothing beside: what is signed is cut out of the text by its place. */
const envelopeSchema = z.strictObject({
  signatures: z
    .array(z.strictObject({ keyid: z.string().max(128), sig: z.string().max(1_024) }))
    .max(PUBLISHERS_MAX),
  signed: z.record(z.string(), z.unknown()),
});

/** A signature as documents hold it. */
export type MetadataSignature = z.infer<typeof envelopeSchema>['signatures'][number];

const hexOf = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

/** The signature of a key over what is signed. */
export const signMetadata = (key: SigningKey, signedText: string): MetadataSignature => ({
  keyid: key.fingerprint,
  sig: hexOf(signBytes(key, Buffer.from(signedText))),
});

/** A document out of what is signed and its signatures. */
export const encodeMetadata = (signed: object, signatures: readonly MetadataSignature[]): Buffer =>
  Buffer.from(canonicalJson({ signatures, signed }));

/** A document that some keys sign. */
export const makeMetadata = (signed: object, keys: readonly SigningKey[]): Buffer => {
  const text = canonicalJson(signed);
  return encodeMetadata(
    signed,
    keys.map((key) => signMetadata(key, text)),
  );
};

/**
 * A document of a role, its form checked and nothing else.
 * @throws NanofleetError METADATA_TOO_LARGE, METADATA_MALFORMED, METADATA_AMBIGUOUS, METADATA_SIGNATURE_MALFORMED
 */
export const readMetadata = <R extends MetadataRole>(role: R, bytes: Uint8Array): MetadataDocument<R> => {
  const refuse = (error: z.ZodError) =>
    new NanofleetError('METADATA_MALFORMED', `${role} metadata was refused: ${firstIssue(error)}`);
  const envelope = envelopeSchema.safeParse(parseCanonicalJson(bytes, `${role} metadata`));
  if (!envelope.success) throw refuse(envelope.error);
  const { signatures, signed } = envelope.data;
  const cut = signatures.find(({ sig }) => !SIGNATURE_HEX.test(sig));
  if (cut !== undefined)
    throw new NanofleetError(
      'METADATA_SIGNATURE_MALFORMED',
      `a signature of the ${role} metadata has ${cut.sig.length} characters and is none of Ed25519 in hex`,
    );
  const parsed = SIGNED_SCHEMAS[role].safeParse(signed);
  if (!parsed.success) throw refuse(parsed.error);
  const checked = parsed.data as SignedMetadata<R>;
  // The last field of a text that is canonical: writing it once more would cost as much as all the rest.
  const from = canonicalJson({ signatures }).length + ',"signed":'.length - 1;
  const signedText = new TextDecoder().decode(bytes).slice(from, -1);
  return { role, signed: checked, signatures, signedText, bytes };
};

/** Whose signatures count. */
export interface CountingKeys {
  readonly root: SignedMetadata<'root'>;
  /** Fingerprints that counted once: to say so when one of them turns up. */
  readonly former: ReadonlySet<string>;
}

/**
 * Whether enough keys of a root have signed a document.
 * @throws NanofleetError METADATA_SIGNATURE_WRONG, METADATA_KEY_REVOKED, METADATA_THRESHOLD_MISSED
 */
export const checkMetadataSignatures = (document: MetadataDocument, { former, root }: CountingKeys): void => {
  const { role, signatures } = document;
  const { keyids, threshold } = root.roles[role];
  const own = signatures.filter(({ keyid }) => keyids.some((known) => known === keyid));
  // A key counts once, however often its signature stands there.
  const good = new Set(own.filter((one) => isGood(document, one, root)).map(({ keyid }) => keyid));
  if (good.size >= threshold) return;
  const wrong = own.find(({ keyid }) => !good.has(keyid));
  if (wrong !== undefined) throw signedWrongly(role, wrong);
  const revoked = signatures.find(({ keyid }) => former.has(keyid));
  if (revoked !== undefined)
    throw new NanofleetError(
      'METADATA_KEY_REVOKED',
      `the ${role} metadata is signed with key ${revoked.keyid.slice(0, 16)}…, which the publishers have revoked`,
    );
  throw new NanofleetError(
    'METADATA_THRESHOLD_MISSED',
    `the ${role} metadata has ${good.size} signatures of keys that count; ${threshold} of ${keyids.length} are needed`,
  );
};

const signedWrongly = (role: MetadataRole, { keyid }: MetadataSignature): NanofleetError =>
  new NanofleetError(
    'METADATA_SIGNATURE_WRONG',
    `the signature of key ${keyid.slice(0, 16)}… does not fit the ${role} metadata: one of them was changed`,
  );

const isGood = (
  { signedText }: MetadataDocument,
  { keyid, sig }: MetadataSignature,
  { keys }: SignedMetadata<'root'>,
): boolean => {
  const hex = keys[keyid as Digest]?.keyval.public;
  const key = Buffer.from(hex ?? '', 'hex');
  // A key under the name of another one is none.
  if (hex === undefined || fingerprintOf(key) !== keyid) return false;
  const signature = Buffer.from(sig, 'hex').toString('base64');
  return isSignedBy(key, { bytes: Buffer.from(signedText), signature });
};

/** The keys of a root out of raw ones, by their fingerprints. */
export const metadataKeysOf = (keys: readonly Uint8Array[]): SignedMetadata<'root'>['keys'] =>
  Object.fromEntries(
    keys.map((key) => [
      fingerprintOf(key),
      {
        keytype: 'ed25519' as const,
        scheme: 'ed25519' as const,
        keyval: { public: Buffer.from(key).toString('hex') },
      },
    ]),
  );
