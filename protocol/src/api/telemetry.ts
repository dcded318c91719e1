/**
 * What the fleet reports: events and figures. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema } from '../ids.ts';
import { countSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { bare, listOf, page, route } from './route.ts';

/** One event as the controller has stored it. */
export const storedEventSchema = z.object({
  /** Grows with arrival; the cursor of a listing. */
  position: countSchema,
  device: deviceIdSchema,
  epoch: z.string(),
  sequence: countSchema,
  recordedAt: unixMsSchema,
  receivedAt: unixMsSchema,
  event: z.record(z.string(), z.unknown()),
});

/** The fleet in figures. */
export const fleetSchema = z.object({
  devices: z.object({ total: countSchema, online: countSchema, revoked: countSchema }),
  decisions: countSchema,
  events: countSchema,
  offloads: z.object({
    total: countSchema,
    answered: countSchema,
    unanswered: countSchema,
    expired: countSchema,
  }),
  ingest: z.object({ messages: countSchema, malformed: countSchema, duplicates: countSchema }),
});

export type StoredEvent = z.infer<typeof storedEventSchema>;
export type FleetFigures = z.infer<typeof fleetSchema>;

/** Routes of this part of the operator API. */
export const TELEMETRY_ROUTES = {
  fleet: route({
    ...bare,
    method: 'GET',
    path: '/api/fleet',
    role: 'viewer',
    summary: 'The fleet in figures',
    answer: fleetSchema,
  }),
  events: route({
    ...bare,
    method: 'GET',
    path: '/api/events',
    role: 'viewer',
    summary: 'Events in order of arrival, after a position',
    query: z.object({
      ...page,
      after: z.coerce.number().int().min(0).default(0),
      device: deviceIdSchema.optional(),
      type: z.string().max(64).optional(),
    }),
    answer: listOf(storedEventSchema),
  }),
} as const;
