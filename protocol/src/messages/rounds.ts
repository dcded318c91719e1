/**
 * Steps of a federated round that are JSON: plan, accept, keys, shares, unmask, result. The steps `masked` and
 * `update` are binary frames (frames.ts). Secure aggregation follows Bonawitz et al. 2017 with X25519 keys; shares
 * travel encrypted from peer to peer. Never carries an example.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, lineIdSchema } from '../ids.ts';
import { countSchema, errorCodeSchema, labelSchema, shareSchema } from './vocabulary.ts';

const PEERS_MAX = 256;
const keySchema = z.base64().length(44);

/** Controller to a selected device. */
export const roundPlanSchema = z.object({
  line: lineIdSchema,
  /** The bundle that the update is relative to; a device that runs another declines. */
  base: digestSchema,
  /** The label list that the update's rows follow. */
  labels: z.object({ version: z.int().min(1), added: z.array(labelSchema).max(64) }),
  tensors: z.array(z.string().max(128)).min(1).max(64),
  examplesMin: countSchema,
  examplesMax: countSchema,
  steps: z.int().min(1).max(10_000),
  learningRate: z.number().positive().max(10),
  clipNorm: z.number().positive(),
  /** Standard deviation of the noise that a device adds, in units of the clip norm; 0 is none. */
  noise: z.number().min(0),
  masked: z.boolean(),
  seed: countSchema,
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

/** Controller to the devices of the round: how it ended. */
export const roundResultSchema = z.object({
  status: z.enum(['candidate', 'failed']),
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
