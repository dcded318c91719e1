/**
 * Asking a bigger tier: request and response, bound by the decision's id (the envelope's correlation). The text is
 * redacted on the device before it gets here; raw text never does. The envelope carries the deadline as time left.
 */
import { z } from 'zod';
import { digestSchema, lineIdSchema, uuidSchema } from '../ids.ts';
import { ENTITIES_MAX, REPLY_CHARACTERS_MAX } from '../limits/cloud.ts';
import { TEXT_BYTES_MAX } from '../limits/local-intake.ts';
import {
  countSchema,
  errorCodeSchema,
  labelSchema,
  proseSchema,
  scoredSchema,
  shareSchema,
  tierSchema,
  verdictSchema,
  versionSchema,
} from './vocabulary.ts';

/** Kinds of personal details that redaction replaces by placeholders. */
export const redactionKindSchema = z.enum(['email', 'phone', 'card', 'iban', 'ip', 'mac']);

/** Something that a text names: `{ name: 'room', value: 'kitchen' }`. */
export const entitySchema = z.object({ name: z.string().min(1).max(64), value: z.string().min(1).max(256) });

/** Name of an intent that the line does not have, as a provider proposes it. */
export const proposedIntentSchema = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);

/** One redacted text and what the device itself made of it. */
export const offloadRequestSchema = z.object({
  decision: uuidSchema,
  line: lineIdSchema,
  version: versionSchema,
  text: z.string().min(1).max(TEXT_BYTES_MAX),
  redacted: z.partialRecord(redactionKindSchema, countSchema),
  local: scoredSchema,
});

/**
 * What a bigger tier made of it. `label` is null when nobody is sure: then the device's own decision stands. A provider
 * states no probability: for the tier `cloud`, confidence is 1 for the label that it chose and 0 without one.
 */
export const offloadResponseSchema = z.object({
  decision: uuidSchema,
  /** Null when no tier could be asked; `code` says why. */
  tier: tierSchema.nullable(),
  label: labelSchema.nullable(),
  confidence: shareSchema,
  outOfScope: shareSchema,
  verdict: verdictSchema,
  version: versionSchema.nullable(),
  digest: digestSchema.nullable(),
  /** Spent in the tier's model. */
  micros: z.number().min(0),
  code: errorCodeSchema.optional(),
  message: proseSchema.optional(),
  entities: z.array(entitySchema).max(ENTITIES_MAX).optional(),
  /** Whole reply for the person who asked; `tokens` frames on the same channel bring it earlier, in pieces. */
  reply: z.string().max(REPLY_CHARACTERS_MAX).optional(),
  /** The text means something that the line has no label for. */
  proposed: proposedIntentSchema.optional(),
});

export type RedactionKind = z.infer<typeof redactionKindSchema>;
export type Entity = z.infer<typeof entitySchema>;
export type OffloadRequest = z.infer<typeof offloadRequestSchema>;
export type OffloadResponse = z.infer<typeof offloadResponseSchema>;
