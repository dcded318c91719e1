/**
 * Steps of a federated round that are JSON: plan, accept, keys, shares, unmask, result. The steps `masked` and
 * `update` are binary frames (frames.ts). Secure aggregation follows Bonawitz et al. 2017 with X25519 keys; shares
 * travel encrypted from peer to peer. Never carries an example.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, lineIdSchema } from '../ids.ts';
import { HEAD_FILE_BYTES_MAX, LABELS_ADDED_MAX, UPDATE_TENSORS_MAX } from '../limits/learning.ts';
import { countSchema, errorCodeSchema, labelSchema, shareSchema } from './vocabulary.ts';

const PEERS_MAX = 256;
const BATCH_MAX = 4_096;
const keySchema = z.base64().length(44);

/** Controller to a selected device. */
export const roundPlanSchema = z.object({
  line: lineIdSchema,
  /** The bundle that the update is relative to; a device that runs another declines. */
  base: digestSchema,
  /** The label list that the update's rows follow. */
  labels: z.object({ version: z.int().min(1), added: z.array(labelSchema).max(LABELS_ADDED_MAX) }),
  tensors: z.array(z.string().max(128)).min(1).max(UPDATE_TENSORS_MAX),
  examplesMin: countSchema,
  examplesMax: countSchema,
  steps: z.int().min(1).max(10_000),
  learningRate: z.number().positive().max(10),
  clipNorm: z.number().positive(),
  /** Standard deviation of the noise that a device adds, in units of the clip norm; 0 is none. */
  noise: z.number().min(0),
  masked: z.boolean(),
  seed: countSchema,
  /** Examples of one step; the device's default when left out. */
  batch: z.int().min(1).max(BATCH_MAX).optional(),
  /** Weight of rehearsed prototypes against own examples in the loss; the device's default when left out. */
  rehearsal: z.number().min(0).max(1_000).optional(),
  /** Pull towards the start, the mu of FedProx (Li et al. 2020, arXiv 1812.06127); none when left out. */
  pull: z.number().min(0).max(1_000).optional(),
  /** Blob with the head that the round begins from; the base's own head, with new columns of zeros, when left out. */
  start: z.object({ digest: digestSchema, bytes: z.int().min(1).max(HEAD_FILE_BYTES_MAX) }).optional(),
});

/** Device to controller: takes part with so many examples, or declines with a code. */
export const roundAcceptSchema = z.object({ examples: countSchema, code: errorCodeSchema.optional() });

/** Device to controller: its two X25519 public keys of this round. */
export const roundKeysSchema = z.object({ cipherKey: keySchema, maskKey: keySchema });

/** Both ways: encrypted secret shares, one per peer. */
export const roundSharesSchema = z.object({
  shares: z.array(z.object({ peer: deviceIdSchema, sealed: z.base64().max(1_024) })).max(PEERS_MAX),
});

/** Asked: whose shares are needed. Answered: for each peer one share, of the mask key or of the seed, never both. */
export const roundUnmaskSchema = z.object({
  shares: z
    .array(
      z.object({
        peer: deviceIdSchema,
        of: z.enum(['mask-key', 'seed']),
        share: z.base64().max(1_024).nullable(),
      }),
    )
    .max(PEERS_MAX)
    .refine((shares) => new Set(shares.map(({ peer }) => peer)).size === shares.length, {
      message: 'one share per peer, never both',
    }),
});

/** Controller to the devices of the round: how it ended, or that this device's part was `refused` with a code. */
export const roundResultSchema = z.object({
  status: z.enum(['candidate', 'failed', 'refused']),
  updates: countSchema,
  candidate: digestSchema.nullable(),
  accuracy: z.object({ before: shareSchema, after: shareSchema }).nullable(),
  code: errorCodeSchema.optional(),
});

export type RoundPlan = z.infer<typeof roundPlanSchema>;
export type RoundAccept = z.infer<typeof roundAcceptSchema>;
export type RoundKeys = z.infer<typeof roundKeysSchema>;
export type RoundShares = z.infer<typeof roundSharesSchema>;
export type RoundUnmask = z.infer<typeof roundUnmaskSchema>;
export type RoundResult = z.infer<typeof roundResultSchema>;
