/**
 * Owns what an entity of a text is: a place with a type, and for closed types a value. Entities are part of a device's own
 * answer; no message to the controller carries them.
 */
import { z } from 'zod';

/** What the text of an entity means, for types that have more than their words. */
export const VALUE_KINDS = ['number', 'duration', 'time', 'temperature', 'colour', 'area', 'device'] as const;

/** Which kind of value a type of entity has. */
export const valueKindSchema = z.enum(VALUE_KINDS);

const name = z.string().min(1).max(128);

/** A typed value. */
export const entityValueSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('number'), number: z.number() }),
  z.object({ kind: z.literal('duration'), seconds: z.number().min(0) }),
  /** Minutes since midnight; `halfDay` says that morning or evening was not told. */
  z.object({ kind: z.literal('time'), minuteOfDay: z.int().min(0).max(1439), halfDay: z.boolean() }),
  z.object({
    kind: z.literal('temperature'),
    degrees: z.number(),
    unit: z.enum(['celsius', 'fahrenheit', 'kelvin']).nullable(),
  }),
  /** One of the named colours, red, green and blue 0..255. */
  z.object({
    kind: z.literal('colour'),
    name,
    rgb: z.tuple([z.int().min(0).max(255), z.int().min(0).max(255), z.int().min(0).max(255)]),
  }),
  /** Names of the device's own registry. */
  z.object({ kind: z.literal('area'), name }),
  z.object({ kind: z.literal('device'), name }),
]);

/** An entity of a text: places count UTF-16 units of the text as it was asked, `end` exclusive. */
export const foundEntitySchema = z.object({
  type: z.string().min(1).max(64),
  start: z.int().min(0),
  end: z.int().min(0),
  value: entityValueSchema.optional(),
});

export type ValueKind = z.infer<typeof valueKindSchema>;
export type EntityValue = z.infer<typeof entityValueSchema>;
export type FoundEntity = z.infer<typeof foundEntitySchema>;
