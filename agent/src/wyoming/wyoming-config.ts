/** What `agent.yaml` may say of the Wyoming protocol. Owns names, defaults and bounds; never listens. */
import { LABELS_MAX, lineIdSchema } from '@nanofleet/protocol';
import { z } from 'zod';

const PORT_MAX = 65_535;
const WAIT_MS_MAX = 30_000;
const LANGUAGES_MAX = 64;

/** Schema of `listen.wyoming`. */
export const wyomingSchema = z.strictObject({
  port: z
    .int()
    .min(0)
    .max(PORT_MAX)
    .default(10_400)
    .describe('port of 127.0.0.1, 0 for a free one; it takes every program of this machine, without a token'),
  line: lineIdSchema.optional().describe('text line that is asked; may be left out when there is only one'),
  labels: z
    .array(z.string().min(1))
    .min(1)
    .max(LABELS_MAX)
    .optional()
    .describe('only these are intents; anything else is not recognized'),
  languages: z
    .array(z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'expected a language such as en'))
    .min(1)
    .max(LANGUAGES_MAX)
    .default(['en'])
    .describe('languages that the line understands'),
  waitMs: z
    .int()
    .min(0)
    .max(WAIT_MS_MAX)
    .default(0)
    .describe('how long an answer may wait for a bigger tier when the device is not sure, milliseconds'),
});

/** What was said of it, defaults filled in. */
export type WyomingConfig = z.output<typeof wyomingSchema>;
