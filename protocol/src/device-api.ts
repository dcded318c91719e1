/**
 * What devices ask the controller over HTTP: enrolment and blobs. Owns paths and schemas; operators' routes are in
 * `api.ts`.
 */
import { z } from 'zod';
import {
  type Digest,
  deviceIdSchema,
  digestSchema,
  fleetIdSchema,
  groupIdSchema,
  uuidSchema,
} from './ids.ts';

/** What devices ask the controller over HTTP. */
export const DEVICE_PATHS = {
  /** POST enrolRequest → enrolAnswer, authenticated by the fleet token inside. */
  enrol: '/device/enrol',
  /** POST without a body, authenticated as the device: it is let in at the broker, which has refused it. */
  admission: '/device/admission',
  /** POST without a body → nonceAnswer: something fresh to sign, for everybody. */
  nonce: '/device/nonce',
  /** POST certificateRequest → tlsGrant, authenticated by the device's own key over a nonce, whatever its certificate. */
  certificate: '/device/certificate',
  /**
   * GET with Range, authenticated as the device; `{digest}`, `{digest}.sig` for the signature of a manifest, `chunksName`, or `deltaName`.
   */
  blob: '/device/blobs/',
} as const;

/**
 * Header of an answer that carries a manifest: the content of its `{digest}.sig` in base64, which spares the request for it. An answer
 * may lack it: until a first device has asked for the signature, of a cache that does not keep it, over MQTT, or of an earlier controller.
 */
export const SIGNATURE_HEADER = 'nanofleet-signature';

const CHUNKS_SUFFIX = '.chunks';

/** Bytes of the SHA-256 of one chunk in a list of them. */
export const CHUNK_HASH_BYTES = 32;

/**
 * Name of the list of a file's chunks: the SHA-256 of each BLOB_CHUNK_BYTES, one after the other. It tells which chunk of a download is
 * wrong; that the whole is right, only the digest in a signed manifest says.
 */
export const chunksName = (digest: Digest): string => `${digest}${CHUNKS_SUFFIX}`;

/** The file of a list's name; null for another name. */
export const parseChunksName = (name: string): Digest | null =>
  name.endsWith(CHUNKS_SUFFIX)
    ? (digestSchema.safeParse(name.slice(0, -CHUNKS_SUFFIX.length)).data ?? null)
    : null;

const DELTA_SEPARATOR = '.from.';

/** Name of the delta by which a device that has the file `base` comes to the file `target`. */
export const deltaName = (base: Digest, target: Digest): string => `${target}${DELTA_SEPARATOR}${base}`;

/** The two files of a delta's name; null for another name. */
export const parseDeltaName = (name: string): { readonly base: Digest; readonly target: Digest } | null => {
  const [target, base, ...more] = name
    .split(DELTA_SEPARATOR)
    .map((part) => digestSchema.safeParse(part).data);
  return target === undefined || base === undefined || more.length > 0 ? null : { base, target };
};

/** What a device without an agent takes from the controller: files, open to everybody, that hold nothing of the fleet. */
export const INSTALL_PATHS = {
  /** GET; the line that runs it knows its SHA-256. */
  script: '/install.sh',
  /** GET `{file}`; the script knows the SHA-256 of each. */
  package: '/install/',
} as const;

/** Characters of a PEM that holds a certificate, or the few of the authorities that are trusted. */
const PEM_CHARACTERS_MAX = 4_096;
const pemSchema = z.string().startsWith('-----BEGIN CERTIFICATE-----').max(PEM_CHARACTERS_MAX);

/** A key for TLS, which a device asks a certificate for. */
export const tlsRequestSchema = z.object({
  /** P-256, SubjectPublicKeyInfo in DER, base64. */
  publicKey: z.base64().length(124),
  /** By the TLS key over `tlsBindingOf`: ECDSA with SHA-256, DER, base64. */
  proof: z.base64().max(128),
  /** By the device's key over the same bytes, base64. */
  bond: z.base64().length(88),
});

/** A certificate for a device, and whom it may believe. */
export const tlsGrantSchema = z.object({
  /** PEM; names the device (CN) and its fleet (O), for TLS clients only. */
  certificate: pemSchema,
  /** PEM of the authorities whose certificates controller and broker have, one after the other. */
  authorities: pemSchema,
  /** How long the certificate is good from now, milliseconds: a device counts them itself, whatever its clock says. */
  lifetimeMs: z.int().min(1),
});

/** What a device sends to enrol. */
export const enrolRequestSchema = z.object({
  tokenId: uuidSchema,
  secret: z.string().max(128),
  device: deviceIdSchema,
  /** Raw Ed25519 public key of the device, base64. */
  publicKey: z.base64().length(44),
  /** Fresh per request, base64 of 32 bytes; the answer's signature covers it. */
  nonce: z.base64().length(44),
  /** By the device's key over `nonce`, base64: it holds the private key. */
  proof: z.base64().length(88),
  /** Left out by agents that know no certificates. */
  tls: tlsRequestSchema.optional(),
});

/** What the enrolment gives; the signature covers exactly the string. */
export const enrolmentSchema = z.object({
  fleet: fleetIdSchema,
  device: deviceIdSchema,
  group: groupIdSchema,
  nonce: z.base64().length(44),
  /** Password of the device at the broker and for blobs. */
  credential: z.string().min(32).max(128),
  brokerUrl: z.url(),
  /** Raw Ed25519 public keys, base64: the agent checks them against the pinned fingerprints. */
  controllerKey: z.base64().length(44),
  publisherKeys: z.array(z.base64().length(44)).min(1).max(16),
  /** Left out when none was asked for, or everything runs on one machine without encryption. */
  tls: tlsGrantSchema.optional(),
});

/** The controller's answer to an enrolment: the exact signed JSON, and the signature that the device checks. */
export const enrolAnswerSchema = z.object({
  signed: z.string().max(16_384),
  signature: z.base64().length(88),
});

/** Something fresh to sign: base64 of 32 bytes. */
export const nonceAnswerSchema = z.object({ nonce: z.base64().length(44) });

/** What a device sends for its next certificate. `tls.bond` says that it is the device. */
export const certificateRequestSchema = z.object({
  device: deviceIdSchema,
  /** Of the controller. */
  nonce: z.base64().length(44),
  tls: tlsRequestSchema,
  /** For a controller that was restored from a backup which is older than this device's enrolment. */
  evidence: z
    .object({
      /** Raw Ed25519 public key of the device, base64. */
      publicKey: z.base64().length(44),
      /** The last certificate that it was given, PEM. */
      certificate: pemSchema,
    })
    .optional(),
});

export type CertificateRequest = z.infer<typeof certificateRequestSchema>;
export type TlsRequest = z.infer<typeof tlsRequestSchema>;
export type TlsGrant = z.infer<typeof tlsGrantSchema>;
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;
export type Enrolment = z.infer<typeof enrolmentSchema>;
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>;
