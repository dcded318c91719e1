/**
 * Labels that a line has beyond the ones of its bundles, as the operator API shows and allocates them. Owns these schemas
 * and routes; never holds behaviour.
 */
import { z } from 'zod';
import { lineIdSchema } from '../ids.ts';
import { unixMsSchema } from '../messages/vocabulary.ts';
import { bare, route } from './route.ts';

/** A label as an operator names it; `oos` means none of the labels everywhere and is no name. */
export const intentNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be 1-64 of a-z, 0-9 and _, first a letter')
  .refine((name) => name !== 'oos', { message: 'is kept for texts out of scope' });

/** The label list of a line: those of its newest bundle, then those that were allocated since. */
export const labelListSchema = z.object({
  line: lineIdSchema,
  /** Grows with each change of the list. */
  version: z.int().min(1),
  labels: z.array(
    z.object({
      name: z.string(),
      /** Null for a label of the bundle. */
      addedAt: unixMsSchema.nullable(),
      addedBy: z.string().nullable(),
    }),
  ),
});

export type LabelList = z.infer<typeof labelListSchema>;

const byLine = z.object({ line: lineIdSchema });

/** Routes of this part of the operator API. */
export const LABEL_ROUTES = {
  intents: route({
    ...bare,
    method: 'GET',
    path: '/api/lines/:line/intents',
    role: 'viewer',
    summary: 'The labels of a line',
    params: byLine,
    answer: labelListSchema,
  }),
  addIntent: route({
    ...bare,
    method: 'POST',
    path: '/api/lines/:line/intents',
    role: 'operator',
    summary: 'Give a line a new label, which devices may then use',
    params: byLine,
    body: z.object({ name: intentNameSchema }),
    answer: labelListSchema,
  }),
  dropIntent: route({
    ...bare,
    method: 'DELETE',
    path: '/api/lines/:line/intents/:name',
    role: 'operator',
    summary: 'Take a label back that no bundle has',
    params: z.object({ line: lineIdSchema, name: z.string().max(64) }),
    answer: labelListSchema,
  }),
} as const;
