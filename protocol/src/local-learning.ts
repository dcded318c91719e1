/**
 * Learning in the agent's local API: labels that local programs give, counts of what is learnt from, what a wipe removed. Owns these
 * schemas. No answer carries a text: what was said goes in and never comes out.
 */
import { z } from 'zod';
import { lineIdSchema, uuidSchema } from './ids.ts';
import {
  countSchema,
  errorCodeSchema,
  labelSchema,
  shareSchema,
  unixMsSchema,
} from './messages/vocabulary.ts';

/** The right label of a decision, or that it has none. */
export const labelRequestSchema = z.union([
  z.strictObject({ label: labelSchema }),
  z.strictObject({ outOfScope: z.literal(true) }),
]);

/** A text with its label, where no decision is to be corrected. */
export const teachRequestSchema = z.union([
  z.strictObject({ text: z.string(), line: lineIdSchema.optional(), label: labelSchema }),
  z.strictObject({ text: z.string(), line: lineIdSchema.optional(), outOfScope: z.literal(true) }),
]);

/** What became of a label. */
export const labelAnswerSchema = z.object({
  /** Null for a text that was given by itself. */
  decision: uuidSchema.nullable(),
  line: lineIdSchema,
  /** Null is out of scope. */
  label: labelSchema.nullable(),
  /** `same`: it was known so already. `changed`: another label stood there. `counted`: there are enough, chance left this one out. */
  outcome: z.enum(['new', 'same', 'changed', 'counted']),
  /** Examples of this label now. */
  examples: countSchema,
});

/** What a line is learnt from. */
export const lineExamplesSchema = z.object({
  line: lineIdSchema,
  label: labelSchema.nullable(),
  /** Corrections given on this device. */
  local: countSchema,
  /** Answers of bigger tiers. */
  offloaded: countSchema,
});

/** Counts of examples, never their texts. */
export const examplesAnswerSchema = z.object({
  labels: z.array(lineExamplesSchema),
  total: countSchema,
  /** Of their texts. */
  bytes: countSchema,
  /** Of the oldest one; null when there is none. */
  oldestAt: unixMsSchema.nullable(),
});

/** What a wipe has removed. */
export const wipeAnswerSchema = z.object({
  examples: countSchema,
  /** Files with what earlier updates did not say. */
  residues: countSchema,
  /** Texts of decisions that a label could have referred to. */
  texts: countSchema,
  /** Of the files that were overwritten. */
  bytes: countSchema,
});

/** The last round that this device was asked for. */
export const lastRoundSchema = z.object({
  round: uuidSchema,
  line: lineIdSchema,
  /** `stopped`: given up on this device; `code` says why. */
  state: z.enum(['declined', 'training', 'sent', 'stopped', 'refused', 'candidate', 'failed']),
  examples: countSchema,
  code: errorCodeSchema.optional(),
  accuracy: z.object({ before: shareSchema, after: shareSchema }).optional(),
  at: unixMsSchema,
});

/** Learning as the status shows it. */
export const learningStatusSchema = z.object({
  /** Whether this device takes part in rounds. */
  isOn: z.boolean(),
  examples: countSchema,
  lastRound: lastRoundSchema.nullable(),
});

export type LabelRequest = z.infer<typeof labelRequestSchema>;
export type TeachRequest = z.infer<typeof teachRequestSchema>;
export type LabelAnswer = z.infer<typeof labelAnswerSchema>;
export type ExamplesAnswer = z.infer<typeof examplesAnswerSchema>;
export type WipeAnswer = z.infer<typeof wipeAnswerSchema>;
export type LastRound = z.infer<typeof lastRoundSchema>;
export type LearningStatus = z.infer<typeof learningStatusSchema>;
