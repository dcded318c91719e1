/**
 * The desired state of one device: which bundle each line shall run, how far texts may travel and whether
 * decisions may be explained. Signed by the
 * controller's key over the exact string, bound to fleet and device. Never says what a bundle is: that is the
 * publisher's signature on the manifest.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, fleetIdSchema, groupIdSchema } from '../ids.ts';
import { LABELS_ADDED_MAX } from '../limits/learning.ts';
import { TRANSFER_BYTES_PER_SECOND_MIN, TRANSFER_SPREAD_MS_MAX } from '../limits/models.ts';
import { hardwareSchema } from '../metadata/roles.ts';
import { desiredAgentSchema } from './agent.ts';
import {
  countSchema,
  explanationPolicySchema,
  labelSchema,
  offloadPolicySchema,
  perLine,
  unixMsSchema,
} from './vocabulary.ts';

/** Whom a device trusts after a rotation of keys, in place of what its enrolment has pinned. */
export const desiredTrustSchema = z.object({
  /** Grows with each change; a lower one than the last is ignored. */
  version: z.int().min(1),
  /** Raw Ed25519 keys, base64, whose desired states count from now on: while a new one takes over, both. */
  controllerKeys: z.array(z.base64().length(44)).min(1).max(2),
  /** PEM of the authorities that are believed from now on, one after the other; left out: as before. */
  authorities: z.string().startsWith('-----BEGIN CERTIFICATE-----').max(4_096).optional(),
});

/** How devices of a group take what they have to fetch. */
export const transferSchema = z.object({
  /** A transfer begins at a random moment within so many milliseconds. */
  spreadMs: z.int().min(0).max(TRANSFER_SPREAD_MS_MAX),
  /** Left out: as fast as it goes. */
  bytesPerSecond: z.int().min(TRANSFER_BYTES_PER_SECOND_MIN).optional(),
});

/** The string inside `desired`, once its signature has been checked. */
export const desiredStateSchema = z.object({
  fleet: fleetIdSchema,
  device: deviceIdSchema,
  /** Grows with each change for this device; a lower one than the last is ignored. */
  version: countSchema,
  group: groupIdSchema,
  lines: perLine(
    z.object({
      digest: digestSchema,
      releaseCounter: z.int().min(1),
      /** Of all files. */ bytes: countSchema,
      /** What it is for; left out: any. The publishers must say the same. */
      hardware: hardwareSchema.optional(),
      /** Which time the bundle is asked for, from the second on: a device that has refused it tries once more. */
      attempt: z.int().min(2).optional(),
      /**
       * A rollout was taken back: this release may be older than what runs, if that is `from`. Only one that the device
       * had committed before.
       */
      rollback: z.object({ from: digestSchema, to: digestSchema }).optional(),
      /**
       * A gate watches: the device also runs this version, the one that it had before, on a sample of its inputs, and counts
       * `pairs` in its beats. Left out: nobody compares.
       */
      comparedWith: digestSchema.optional(),
      /** Labels allocated beyond those of the bundle, in the order of their head rows; none when left out. */
      labels: z
        .object({ version: z.int().min(1), added: z.array(labelSchema).min(1).max(LABELS_ADDED_MAX) })
        .optional(),
    }),
  ),
  offload: offloadPolicySchema,
  /** `never` when left out, as controllers did that knew no such policy. */
  explanations: explanationPolicySchema.optional(),
  /** Left out: at once, as fast as it goes. */
  transfer: transferSchema.optional(),
  /** Left out: the agent stays what it is. */
  agent: desiredAgentSchema.optional(),
  /** Which root of the publishers' metadata is the newest; left out while the fleet has none. */
  metadata: z.object({ root: z.int().min(1) }).optional(),
  /** Left out until keys of the fleet are rotated for the first time: then enrolment says whom to trust. */
  trust: desiredTrustSchema.optional(),
  issuedAt: unixMsSchema,
});

/** The message: exact JSON, the signature over its UTF-8 bytes (Ed25519, base64), and the key's fingerprint. */
export const desiredSchema = z.object({
  signed: z.string().max(32_768),
  signature: z.base64().length(88),
  keyId: digestSchema,
});

export type DesiredTrust = z.infer<typeof desiredTrustSchema>;
export type Transfer = z.infer<typeof transferSchema>;
export type DesiredState = z.infer<typeof desiredStateSchema>;
export type Desired = z.infer<typeof desiredSchema>;
