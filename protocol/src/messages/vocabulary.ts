/**
 * Words that several messages share: verdicts, tiers, policies, counts and times. Owns their schemas; a message that
 * alone uses a form keeps it in its own file.
 */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { digestSchema, lineIdSchema } from '../ids.ts';
import { LINES_MAX } from '../limits/models.ts';

/** A whole number from 0 that JSON keeps exactly. */
export const countSchema = z.int().min(0);
/** Milliseconds since 1970 by the sender's clock, which may be wrong. */
export const unixMsSchema = z.int().min(0);
/** A share or probability, 0 to 1. */
export const shareSchema = z.number().min(0).max(1);
/** Text for people: errors, names of versions. */
export const proseSchema = z.string().max(2_000);
/** Version of a bundle as its publisher writes it. */
export const versionSchema = z.string().min(1).max(64);
/** Name of a label. */
export const labelSchema = z.string().min(1).max(128);

/** `sure`: act on it. `unsure`: in scope, perhaps another label. `out-of-scope`: none of the labels. */
export const verdictSchema = z.enum(['sure', 'unsure', 'out-of-scope']);
/** Who answered: the device's own model, the controller's, or a provider's. */
export const tierSchema = z.enum(['nano', 'mini', 'cloud']);
/** How far a text may travel: nowhere, to the controller's model, or on to a provider. */
export const offloadPolicySchema = z.enum(['none', 'mini', 'cloud']);
/** Whether programs on the device may be told which words of a text decided: never, or each in the answer to its own request. */
export const explanationPolicySchema = z.enum(['never', 'local']);
/** A code of the error registry. */
export const errorCodeSchema = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);
/** Classes of the outbox, highest first; at a bound the lowest is dropped first. */
export const recordClassSchema = z.enum(['offload', 'event', 'decision']);

/** One value per model line, at most as many as a device runs. */
export const perLine = <S extends z.ZodType>(value: S) =>
  z.record(lineIdSchema, value).refine((lines) => Object.keys(lines).length <= LINES_MAX, {
    message: `at most ${LINES_MAX} model lines`,
  });

/** What a model says about one input. */
export const scoredSchema = z.object({
  label: labelSchema,
  /** Calibrated probability that the label is right, given that the input is in scope. */
  confidence: shareSchema,
  /** Score that the input is none of the labels; higher is farther out. */
  outOfScope: shareSchema,
  verdict: verdictSchema,
});

/** A bundle as one line runs it. */
export const runningSchema = z.object({
  version: versionSchema,
  releaseCounter: z.int().min(1),
  /** Digest over the very bytes that were given to the session. */
  digest: digestSchema,
});

export type Verdict = z.infer<typeof verdictSchema>;
export type Tier = z.infer<typeof tierSchema>;
export type OffloadPolicy = z.infer<typeof offloadPolicySchema>;
export type ExplanationPolicy = z.infer<typeof explanationPolicySchema>;
export type RecordClass = z.infer<typeof recordClassSchema>;
export type ScoredLabel = z.infer<typeof scoredSchema>;
export type Running = z.infer<typeof runningSchema>;
