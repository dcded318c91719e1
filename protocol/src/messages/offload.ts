/**
 * Asking a bigger tier: request and response, bound by the decision's id (the envelope's correlation). The text is
 * redacted on the device before it gets here; raw text never does. The envelope carries the deadline as time left.
 */
import { z } from 'zod';
import { digestSchema, lineIdSchema, uuidSchema } from '../ids.ts';
import { TEXT_BYTES_MAX } from '../limits.ts';
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

/** One redacted text and what the device itself made of it. */
export const offloadRequestSchema = z.object({
  decision: uuidSchema,
  line: lineIdSchema,
  version: versionSchema,
  text: z.string().min(1).max(TEXT_BYTES_MAX),
  redacted: z.partialRecord(redactionKindSchema, countSchema),
  local: scoredSchema,
});

/** What a bigger tier made of it. `label` is null when nobody is sure: then the device's own decision stands. */
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
});

export type RedactionKind = z.infer<typeof redactionKindSchema>;
export type OffloadRequest = z.infer<typeof offloadRequestSchema>;
export type OffloadResponse = z.infer<typeof offloadResponseSchema>;
