/**
 * Questions to bigger tiers: asking one, and what became of those of devices. Never shows a text. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, uuidSchema } from '../ids.ts';
import { TEXT_BYTES_MAX } from '../limits.ts';
import { scoredSchema, tierSchema, unixMsSchema, versionSchema } from '../messages/vocabulary.ts';
import { bare, listOf, page, route } from './route.ts';

/** One question that a device sent on and what became of it; never its text. */
export const storedOffloadSchema = z.object({
  decision: uuidSchema,
  device: deviceIdSchema,
  receivedAt: unixMsSchema,
  status: z.enum(['waiting', 'answered', 'unanswered', 'expired']),
  tier: tierSchema.nullable(),
  label: z.string().nullable(),
  micros: z.number().nullable(),
});

export type StoredOffload = z.infer<typeof storedOffloadSchema>;

/** Routes of this part of the operator API. */
export const OFFLOAD_ROUTES = {
  ask: route({
    ...bare,
    method: 'POST',
    path: '/api/ask',
    role: 'operator',
    summary: 'Ask the mini tier',
    body: z.object({ text: z.string().min(1).max(TEXT_BYTES_MAX) }),
    answer: scoredSchema.extend({
      tier: tierSchema,
      version: versionSchema,
      digest: digestSchema,
      micros: z.number(),
    }),
  }),
  offloads: route({
    ...bare,
    method: 'GET',
    path: '/api/offloads',
    role: 'viewer',
    summary: 'Questions to bigger tiers, newest first, without text',
    query: z.object({ ...page, device: deviceIdSchema.optional() }),
    answer: listOf(storedOffloadSchema),
  }),
} as const;
