/**
 * Rotation of the keys that devices trust: how it stands, and who has not followed. Owns these schemas and routes; never
 * holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema } from '../ids.ts';
import { countSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { bare, route } from './route.ts';

/** What can be rotated: the key that signs desired states, or whose certificates devices and listeners have. */
export const rotationPartSchema = z.enum(['controller-key', 'authority']);
export type RotationPart = z.infer<typeof rotationPartSchema>;

/** How a rotation stands. */
export const rotationSchema = z.object({
  part: rotationPartSchema.nullable(),
  /** `announced`: devices are told to trust both; `done`: the old one is gone; `none`: there was none. */
  phase: z.enum(['none', 'announced', 'done']),
  startedAt: unixMsSchema.nullable(),
  /** When the old one ends by itself. */
  endsAt: unixMsSchema.nullable(),
  /** Digest of the key that signs now, and of the one that will. */
  current: digestSchema.nullable(),
  next: digestSchema.nullable(),
  /** PEM of the authorities that operators believe now, one after the other; null where there is none. */
  authorities: z.string().nullable(),
  devices: countSchema,
  /** Living devices that have not said that they know. */
  behind: z.array(deviceIdSchema),
});

/** Routes of this part of the operator API. */
export const ROTATION_ROUTES = {
  rotation: route({
    ...bare,
    method: 'GET',
    path: '/api/rotation',
    role: 'operator',
    summary: 'How the rotation of keys stands, and which devices have not followed',
    answer: rotationSchema,
  }),
  rotate: route({
    ...bare,
    method: 'POST',
    path: '/api/rotation',
    role: 'admin',
    summary: 'Make a next key, and have devices trust it beside the old one',
    body: z.object({ part: rotationPartSchema, overlapS: z.int().min(60).max(31_536_000) }),
    answer: rotationSchema,
  }),
  finishRotation: route({
    ...bare,
    method: 'POST',
    path: '/api/rotation/finish',
    role: 'admin',
    summary: 'Let the next key take over now; devices that have not followed must enrol again',
    body: z.object({ leavesBehind: z.boolean() }),
    answer: rotationSchema,
  }),
} as const;
