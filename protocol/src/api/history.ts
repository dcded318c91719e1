/**
 * What was: the timeline of the fleet, its figures over time, the beats of a device over time. Owns these schemas and
 * routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, groupIdSchema, lineIdSchema } from '../ids.ts';
import { FIGURE_POINTS_MAX } from '../limits/controller.ts';
import {
  countSchema,
  errorCodeSchema,
  proseSchema,
  shareSchema,
  unixMsSchema,
} from '../messages/vocabulary.ts';
import { bare, listOf, page, route } from './route.ts';

/** Kinds of happenings. */
export const TIMELINE_KINDS = [
  'device-enrolled',
  'device-online',
  'device-offline',
  'device-moved',
  'device-replaced',
  'device-revoked',
  'device-readmitted',
  'device-ahead',
  'policy-set',
  'explanations-set',
  'transfer-set',
  'model-added',
  'rollout-made',
  'rollout-wave',
  'rollout-phase',
  'bundle-running',
  'bundle-refused',
  'agent-rolled-out',
  'agent-running',
  'agent-refused',
  'offload-spike',
  'round-started',
  'round-ended',
  'candidate-made',
  'budget-reached',
  'token-made',
  'token-dropped',
  'signed-in',
] as const;

/** One happening; which fields it has depends on its kind. */
export const timelineEntrySchema = z.object({
  /** Grows with each happening; the cursor of a listing. */
  position: countSchema,
  at: unixMsSchema,
  kind: z.enum(TIMELINE_KINDS),
  device: deviceIdSchema.nullable(),
  group: groupIdSchema.nullable(),
  line: lineIdSchema.nullable(),
  digest: digestSchema.nullable(),
  code: errorCodeSchema.nullable(),
  /** Who or what, in words: a version, a name, a reason. Never input. */
  detail: proseSchema.nullable(),
  /** Id to follow: of a rollout or a round. */
  subject: z.string().max(64).nullable(),
  figures: z.record(z.string(), z.number()),
});

/** The fleet in one span of time. */
export const figurePointSchema = z.object({
  /** Begin of the span. */
  at: unixMsSchema,
  decisions: countSchema,
  /** Decisions that were offered to a bigger tier. */
  offered: countSchema,
  /** Greatest number of devices that were connected; null when nobody counted. */
  online: countSchema.nullable(),
  /** Text to decision in microseconds, the devices' quantiles weighted by their decisions; null without decisions. */
  p50: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
});

/** One beat of a device as it is kept. */
export const beatPointSchema = z.object({
  at: unixMsSchema,
  decisions: countSchema,
  sure: countSchema,
  unsure: countSchema,
  outOfScope: countSchema,
  offloadShare: shareSchema,
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  rssBytes: countSchema,
  cpuShare: z.number(),
  /** Records that wait on the device. */
  waiting: countSchema,
  dropped: countSchema,
  uptimeS: z.number(),
});

export type TimelineKind = (typeof TIMELINE_KINDS)[number];
export type TimelineEntry = z.infer<typeof timelineEntrySchema>;
export type FigurePoint = z.infer<typeof figurePointSchema>;
export type BeatPoint = z.infer<typeof beatPointSchema>;

/** Routes of this part of the operator API. */
export const HISTORY_ROUTES = {
  timeline: route({
    ...bare,
    method: 'GET',
    path: '/api/timeline',
    role: 'viewer',
    summary: 'What happened in the fleet, newest first',
    query: z.object({
      ...page,
      /** Only what is older than this position. */
      before: z.coerce.number().int().min(1).optional(),
      device: deviceIdSchema.optional(),
      kind: z.enum(TIMELINE_KINDS).optional(),
      /** Of one rollout or round. */
      subject: z.string().max(64).optional(),
    }),
    answer: listOf(timelineEntrySchema),
  }),
  figures: route({
    ...bare,
    method: 'GET',
    path: '/api/figures',
    role: 'viewer',
    summary: 'The fleet over time, oldest first',
    query: z.object({
      /** How far back. */
      spanS: z.coerce.number().int().min(60).max(604_800).default(3_600),
      points: z.coerce.number().int().min(1).max(FIGURE_POINTS_MAX).default(120),
    }),
    answer: z.object({ stepMs: countSchema, until: unixMsSchema, points: z.array(figurePointSchema) }),
  }),
  beats: route({
    ...bare,
    method: 'GET',
    path: '/api/devices/:device/beats',
    role: 'viewer',
    summary: 'Health of one device over time, oldest first',
    params: z.object({ device: deviceIdSchema }),
    query: z.object({
      /** `fine`: each beat of the last minutes. `coarse`: some of the last hours. */
      grain: z.enum(['fine', 'coarse']).default('fine'),
    }),
    answer: listOf(beatPointSchema),
  }),
} as const;
