/**
 * Jobs: one thing that a device is asked to do once. The effect is keyed by (job, execution, desired version), so that a
 * job delivered five times is done once (semantics of AWS IoT Jobs' executionNumber). Never used for desired state.
 */
import { z } from 'zod';
import { countSchema, errorCodeSchema, proseSchema } from './vocabulary.ts';

/** What a device of this version can be asked; `docs/operating/jobs.md` says what the effect of each is. */
export const jobTaskSchema = z.enum(['report', 'trim-outbound', 'wipe-examples', 'restart']);

/** One delivery of an execution. All deliveries of one say the same, but for `closedBelow`. */
export const jobSchema = z.object({
  /** Counts the tries of a job; only goes up. */
  execution: countSchema,
  /** One of `jobTaskSchema`, or of a later version: that is rejected, not dropped. */
  task: z.string().min(1).max(64),
  /** Place of the job among those of the device; never given to another one. */
  sequence: countSchema.optional(),
  /** All jobs of the device whose place is lower are over: it refuses and forgets them. */
  closedBelow: countSchema.optional(),
  /** Desired version that the device must have seen first. */
  desiredVersion: countSchema.optional(),
});

/** How far one execution has come; the last three are final. `rejected`: it was not begun, and never will be. */
export const jobStateSchema = z.object({
  execution: countSchema,
  status: z.enum(['in-progress', 'succeeded', 'failed', 'rejected']),
  code: errorCodeSchema.optional(),
  message: proseSchema.optional(),
});

export type JobTask = z.infer<typeof jobTaskSchema>;
export type Job = z.infer<typeof jobSchema>;
export type JobState = z.infer<typeof jobStateSchema>;
