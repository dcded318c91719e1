/**
 * What devices ask the controller over HTTP: enrolment and blobs. Owns paths and schemas; operators' routes are in
 * `api.ts`.
 */
import { z } from 'zod';
import { deviceIdSchema, fleetIdSchema, groupIdSchema, uuidSchema } from './ids.ts';

/** What devices ask the controller over HTTP. */
export const DEVICE_PATHS = {
  /** POST enrolRequest → enrolAnswer, authenticated by the fleet token inside. */
  enrol: '/device/enrol',
  /** POST without a body, authenticated as the device: it is let in at the broker, which has refused it. */
  admission: '/device/admission',
  /** GET with Range, authenticated as the device; `{digest}`, or `{digest}.sig` for the signature of a manifest. */
  blob: '/device/blobs/',
} as const;

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
});

/** The controller's answer to an enrolment: the exact signed JSON, and the signature that the device checks. */
export const enrolAnswerSchema = z.object({
  signed: z.string().max(16_384),
  signature: z.base64().length(88),
});

export type EnrolRequest = z.infer<typeof enrolRequestSchema>;
export type Enrolment = z.infer<typeof enrolmentSchema>;
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>;
