/**
 * What messages say of the agent itself: which release is desired, and what the device does with it. Owns these schemas; the
 * messages that carry them are in files of their own.
 */
import { z } from 'zod';
import { digestSchema } from '../ids.ts';
import { countSchema, errorCodeSchema, proseSchema, unixMsSchema } from './vocabulary.ts';

/** Version of an agent: three numbers. Higher ones follow lower ones, never the other way. */
export const agentVersionSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/, 'must be three numbers, as in 1.2.3');

/** The release that a device shall run, in `desired`. */
export const desiredAgentSchema = z.object({
  /** Of its manifest. */
  digest: digestSchema,
  version: agentVersionSchema,
  /** Grows with each rollout: a release that was refused is tried again when it is rolled out again. */
  order: z.int().min(1),
});

/** What a device does with the release that is desired, in `reported`. */
export const agentReportSchema = z.object({
  /** What runs. */
  version: agentVersionSchema,
  /** The release that runs; null: the one that was installed. */
  digest: digestSchema.nullable(),
  step: z.enum(['settled', 'fetching', 'verifying', 'staged', 'probation', 'refused']),
  progress: z.object({ bytesDone: countSchema, bytesTotal: countSchema }).optional(),
  /** The last release that this device would not run, or came back from, and why; gone when another is committed. */
  refused: z
    .object({ digest: digestSchema, code: errorCodeSchema, message: proseSchema, at: unixMsSchema })
    .optional(),
});

export type DesiredAgent = z.infer<typeof desiredAgentSchema>;
export type AgentReport = z.infer<typeof agentReportSchema>;
