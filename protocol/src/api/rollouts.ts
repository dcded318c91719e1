/**
 * Rollouts: what goes where, and how far each device has come. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, groupIdSchema, lineIdSchema, uuidSchema } from '../ids.ts';
import {
  countSchema,
  errorCodeSchema,
  proseSchema,
  unixMsSchema,
  versionSchema,
} from '../messages/vocabulary.ts';
import { deviceTagsSchema } from './devices.ts';
import { rolloutForecastSchema } from './rollout-forecast.ts';
import { gateViewSchema } from './rollout-gate.ts';
import { rolloutPlanSchema } from './rollout-plan.ts';
import { bare, listOf, page, route } from './route.ts';

/** Whom a rollout is for: a device group, all devices, those with some tags, or the controller's own mini tier. */
export const rolloutTargetSchema = z.union([
  z.object({ group: groupIdSchema }),
  z.object({ all: z.literal(true) }),
  z.object({ controller: z.literal(true) }),
  /** Devices that have all of these tags. */
  z.object({ tags: deviceTagsSchema }),
]);

/**
 * Where a rollout in waves is. `approval` waits for a person, `scheduled` for its time or its first device, `paused` for
 * a person after a pause or a fault; `rolling-back` until no reachable device runs its bundle.
 */
export const rolloutPhaseSchema = z.enum([
  'approval',
  'scheduled',
  'running',
  'paused',
  'done',
  'aborted',
  'rolling-back',
  'rolled-back',
  'superseded',
]);

/** What an operator may tell a rollout in waves. */
export const ROLLOUT_ORDERS = ['approve', 'pause', 'resume', 'abort', 'roll-back'] as const;

/** One wave as it went so far. */
export const waveProgressSchema = z.object({
  /** Devices that may have the bundle by its end, those of earlier waves among them. */
  quota: countSchema,
  given: countSchema,
  succeeded: countSchema,
  failed: countSchema,
  /** Given it, reachable, undecided. */
  open: countSchema,
  /** Given it, not reachable now, undecided. */
  away: countSchema,
  /** Was given it, and runs, or is to run, what it had. */
  back: countSchema,
});

/** How a rollout in waves goes. */
export const rolloutCourseSchema = z.object({
  plan: rolloutPlanSchema,
  phase: rolloutPhaseSchema,
  /** The wave that it is in, from 0. */
  wave: countSchema,
  waves: z.array(waveProgressSchema),
  /** What most devices had that were given it; null before anybody was. */
  former: digestSchema.nullable(),
  startedAt: unixMsSchema.nullable(),
  waveAt: unixMsSchema.nullable(),
  finishedAt: unixMsSchema.nullable(),
  /** Why it stopped or waits; null where nothing is wrong. */
  reason: z.object({ code: errorCodeSchema, message: proseSchema }).nullable(),
  /** Null without one, before it has looked, and in listings. */
  gate: gateViewSchema.nullable(),
});

/** One rollout: what goes where, and how far each device has come. */
export const rolloutSchema = z.object({
  id: uuidSchema,
  line: lineIdSchema,
  digest: digestSchema,
  version: versionSchema,
  target: rolloutTargetSchema,
  createdAt: unixMsSchema,
  /** A later rollout of the same line to the same devices supersedes this one. */
  status: z.enum(['running', 'done', 'refused', 'superseded', 'stopped']),
  /** Null for one that goes to everybody at once. */
  course: rolloutCourseSchema.nullable(),
  counts: z.object({
    total: countSchema,
    running: countSchema,
    pending: countSchema,
    refused: countSchema,
    offline: countSchema,
  }),
  devices: z.array(
    z.object({
      device: deviceIdSchema,
      /** `waiting`: its wave has not come. `back`: runs again, or is to run, what it had. */
      state: z.enum(['waiting', 'pending', 'fetching', 'running', 'refused', 'offline', 'back']),
      /** From 0; left out before it was given the bundle, and without waves. */
      wave: countSchema.optional(),
      progress: z.object({ bytesDone: countSchema, bytesTotal: countSchema }).optional(),
      code: errorCodeSchema.optional(),
      message: proseSchema.optional(),
    }),
  ),
});

export type Rollout = z.infer<typeof rolloutSchema>;
export type RolloutCourse = z.infer<typeof rolloutCourseSchema>;
export type RolloutOrder = (typeof ROLLOUT_ORDERS)[number];
export type RolloutPhase = z.infer<typeof rolloutPhaseSchema>;
export type RolloutTarget = z.infer<typeof rolloutTargetSchema>;

/** Routes of this part of the operator API. */
export const ROLLOUT_ROUTES = {
  makeRollout: route({
    ...bare,
    method: 'POST',
    path: '/api/rollouts',
    role: 'publisher',
    summary: 'Make a bundle the desired one',
    body: z.object({
      digest: digestSchema,
      target: rolloutTargetSchema,
      /** Left out: to everybody at once. */
      plan: rolloutPlanSchema.optional(),
    }),
    answer: rolloutSchema,
  }),
  forecastRollout: route({
    ...bare,
    method: 'POST',
    path: '/api/rollouts/forecast',
    role: 'operator',
    summary: 'What a rollout would do: when its waves would be through, and which bytes would travel',
    body: z.object({
      digest: digestSchema,
      target: rolloutTargetSchema,
      /** Left out: to everybody at once. */
      plan: rolloutPlanSchema.optional(),
    }),
    answer: rolloutForecastSchema,
  }),
  rollouts: route({
    ...bare,
    method: 'GET',
    path: '/api/rollouts',
    role: 'viewer',
    summary: 'Rollouts, newest first',
    query: z.object(page),
    answer: listOf(rolloutSchema.omit({ devices: true })),
  }),
  orderRollout: route({
    ...bare,
    method: 'POST',
    path: '/api/rollouts/:id/orders',
    role: 'operator',
    summary: 'Approve, pause, resume, abort or roll back a rollout in waves',
    params: z.object({ id: uuidSchema }),
    body: z.object({ order: z.enum(ROLLOUT_ORDERS) }),
    answer: rolloutSchema,
  }),
  rollout: route({
    ...bare,
    method: 'GET',
    path: '/api/rollouts/:id',
    role: 'viewer',
    summary: 'One rollout with each device',
    params: z.object({ id: uuidSchema }),
    answer: rolloutSchema,
  }),
} as const;
