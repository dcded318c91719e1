/**
 * The stream of changes (server-sent events): its address, role and events. Ids are `timeline position-event position`,
 * so that a browser that lost the stream goes on where it was. Never carries a text, and never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, lineIdSchema } from '../ids.ts';
import { countSchema, labelSchema, scoredSchema, tierSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { timelineEntrySchema } from './history.ts';
import type { Role } from './roles.ts';
import { fleetSchema } from './telemetry.ts';

/** Parts of the API whose answers may have changed. */
export const LIVE_PARTS = [
  'devices',
  'beats',
  'models',
  'rollouts',
  'rounds',
  'offloads',
  'spend',
  'groups',
] as const;

/** A decision as the stream carries it; never its text. */
export const liveDecisionSchema = z.object({
  position: countSchema,
  receivedAt: unixMsSchema,
  device: deviceIdSchema,
  line: lineIdSchema,
  label: labelSchema,
  confidence: scoredSchema.shape.confidence,
  verdict: scoredSchema.shape.verdict,
  tier: tierSchema,
  micros: z.number(),
});

/** Events of the stream by name, with the schema of their data. */
export const LIVE_EVENTS = {
  /** Happenings, oldest first. */
  timeline: z.array(timelineEntrySchema),
  /** The newest decisions, oldest first; `isCut` when there were more than a stream carries. */
  decisions: z.object({ items: z.array(liveDecisionSchema), isCut: z.boolean() }),
  /** Parts to ask for again. */
  changed: z.array(z.enum(LIVE_PARTS)),
  /** The fleet in figures, now. */
  fleet: fleetSchema,
} as const;

/** A stream as the access check and the document of the API see it. */
export interface StreamShape {
  readonly method: 'GET';
  readonly path: string;
  readonly role: Role;
  readonly summary: string;
}

/** Streams of the operator API; requests and answers are in `API`. */
export const STREAMS = {
  live: {
    method: 'GET',
    path: '/api/live',
    role: 'viewer',
    summary: 'Changes as they happen, as server-sent events',
  },
} as const satisfies Record<string, StreamShape>;

export type LivePart = (typeof LIVE_PARTS)[number];
export type LiveDecision = z.infer<typeof liveDecisionSchema>;
export type LiveEvent = keyof typeof LIVE_EVENTS;
export type StreamName = keyof typeof STREAMS;
