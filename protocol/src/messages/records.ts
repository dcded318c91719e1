/**
 * Records that a device delivers exactly once in effect: events, and the controller's acknowledgement of them.
 * Identity is (device, log epoch, sequence), in the envelope. Never carries raw input: labels, scores, times, ids.
 */
import { z } from 'zod';
import { epochSchema, lineIdSchema, uuidSchema } from '../ids.ts';
import { ACK_RANGES_MAX } from '../limits/wire.ts';
import {
  countSchema,
  labelSchema,
  recordClassSchema,
  scoredSchema,
  tierSchema,
  versionSchema,
} from './vocabulary.ts';

const decisionMadeSchema = z.object({
  type: z.literal('decision'),
  ...scoredSchema.shape,
  decision: uuidSchema,
  line: lineIdSchema,
  version: versionSchema,
  tier: tierSchema,
  micros: z.number().min(0),
});

const sensorEventSchema = z.object({
  type: z.literal('sensor-event'),
  /** The same for start and stop of one event. */
  occurrence: uuidSchema,
  phase: z.enum(['start', 'stop']),
  line: lineIdSchema,
  version: versionSchema,
  label: labelSchema,
  confidence: z.number().min(0).max(1),
  /** Samples since the stream began, at the window's end. */
  sample: countSchema,
});

const recordsDroppedSchema = z.object({
  type: z.literal('records-dropped'),
  class: recordClassSchema,
  dropped: countSchema,
  reason: z.enum(['expired', 'bound', 'disk-full', 'corrupt']),
});

/** What happened on the device, one of several types. */
export const eventSchema = z.discriminatedUnion('type', [
  decisionMadeSchema,
  sensorEventSchema,
  recordsDroppedSchema,
]);

/** Sequences that the controller's database has committed, as inclusive ranges. */
export const ackSchema = z.object({
  epoch: epochSchema,
  ranges: z
    .array(
      z
        .tuple([countSchema, countSchema])
        .refine(([from, to]) => from <= to, { message: 'a range runs upwards' }),
    )
    .max(ACK_RANGES_MAX),
});

export type DeviceEvent = z.infer<typeof eventSchema>;
export type Ack = z.infer<typeof ackSchema>;
