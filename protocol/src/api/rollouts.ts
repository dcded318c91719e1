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
import { bare, listOf, page, route } from './route.ts';

/** Whom a rollout is for: a device group, all devices, or the controller's own mini tier. */
export const rolloutTargetSchema = z.union([
  z.object({ group: groupIdSchema }),
  z.object({ all: z.literal(true) }),
  z.object({ controller: z.literal(true) }),
]);

/** One rollout: what goes where, and how far each device has come. */
export const rolloutSchema = z.object({
  id: uuidSchema,
  line: lineIdSchema,
  digest: digestSchema,
  version: versionSchema,
  target: rolloutTargetSchema,
  createdAt: unixMsSchema,
  /** A later rollout of the same line to the same devices supersedes this one. */
  status: z.enum(['running', 'done', 'refused', 'superseded']),
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
      state: z.enum(['pending', 'fetching', 'running', 'refused', 'offline']),
      progress: z.object({ bytesDone: countSchema, bytesTotal: countSchema }).optional(),
      code: errorCodeSchema.optional(),
      message: proseSchema.optional(),
    }),
  ),
});

export type Rollout = z.infer<typeof rolloutSchema>;
export type RolloutTarget = z.infer<typeof rolloutTargetSchema>;

/** Routes of this part of the operator API. */
export const ROLLOUT_ROUTES = {
  makeRollout: route({
    ...bare,
    method: 'POST',
    path: '/api/rollouts',
    role: 'publisher',
    summary: 'Make a bundle the desired one',
    body: z.object({ digest: digestSchema, target: rolloutTargetSchema }),
    answer: rolloutSchema,
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
