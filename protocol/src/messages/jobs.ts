/**
 * Jobs: one thing that a device is asked to do once. The effect is keyed by (job, execution), so that a job delivered
 * five times is done once (semantics of AWS IoT Jobs' executionNumber). Never used for desired state.
 */
import { z } from 'zod';
import { countSchema, errorCodeSchema, proseSchema } from './vocabulary.ts';

/** What a device can be asked: report its whole state now, or compact its outbound log. */
export const jobSchema = z.object({
  execution: countSchema,
  task: z.enum(['report', 'trim-outbound']),
});

/** How far one execution has come; the last three are final. */
export const jobStateSchema = z.object({
  execution: countSchema,
  status: z.enum(['in-progress', 'succeeded', 'failed', 'rejected']),
  code: errorCodeSchema.optional(),
  message: proseSchema.optional(),
});

export type Job = z.infer<typeof jobSchema>;
export type JobState = z.infer<typeof jobStateSchema>;
