/**
 * What the operator API shows: roles, devices, tokens, models, rollouts, events, questions. Owns the schemas of these
 * answers; the routes that give them are in `api.ts`.
 */
import { z } from 'zod';
import {
  deviceIdSchema,
  digestSchema,
  fleetIdSchema,
  groupIdSchema,
  lineIdSchema,
  uuidSchema,
} from './ids.ts';
import { beatSchema, lineReportSchema } from './messages/presence.ts';
import {
  countSchema,
  errorCodeSchema,
  offloadPolicySchema,
  perLine,
  proseSchema,
  tierSchema,
  unixMsSchema,
  versionSchema,
} from './messages/vocabulary.ts';

/** Roles, each with the rights of those before it. */
export const ROLES = ['viewer', 'operator', 'publisher', 'admin'] as const;
/** What a token lets its holder do; each role may do what the ones before it may. */
export const roleSchema = z.enum(ROLES);
export type Role = (typeof ROLES)[number];

/** Whether a role has the rights of another. */
export const hasRole = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** Name of a token or key as a person writes it. */
export const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, 'must be 1-64 letters, digits, space, dot, _ or -');

/** Whom a token stands for, and which keys the fleet trusts. */
export const whoamiSchema = z.object({
  name: nameSchema,
  role: roleSchema,
  fleet: fleetIdSchema,
  controllerVersion: z.string(),
  /** Fingerprint of the controller's key, for fleet tokens. */
  controllerKeyId: digestSchema,
  /** Fingerprints of the publisher keys that the registry accepts. */
  publisherKeyIds: z.array(digestSchema),
  /** Where devices enrol and fetch blobs. */
  deviceUrl: z.url(),
});

/** One device in a listing: who it is, whether it is connected, what it reports to run. */
export const deviceSummarySchema = z.object({
  device: deviceIdSchema,
  group: groupIdSchema,
  status: z.enum(['online', 'offline', 'revoked', 'never-seen']),
  enrolledAt: unixMsSchema,
  lastSeenAt: unixMsSchema.nullable(),
  desiredVersion: countSchema,
  reportedVersion: countSchema,
  lines: perLine(lineReportSchema),
  problems: z.array(z.object({ code: errorCodeSchema, message: proseSchema })),
});

/** One device with its newest beat. */
export const deviceDetailSchema = deviceSummarySchema.extend({
  session: countSchema,
  agentVersion: z.string().nullable(),
  beat: beatSchema.nullable(),
  beatAt: unixMsSchema.nullable(),
});

/** One operator token, without its secret. */
export const operatorTokenSchema = z.object({
  id: uuidSchema,
  name: nameSchema,
  role: roleSchema,
  createdAt: unixMsSchema,
  lastUsedAt: unixMsSchema.nullable(),
});

/** One fleet token, without its secret. */
export const fleetTokenSchema = z.object({
  id: uuidSchema,
  name: nameSchema,
  group: groupIdSchema,
  usesLeft: countSchema,
  expiresAt: unixMsSchema,
  createdAt: unixMsSchema,
});

/** One bundle of the registry. */
export const modelSchema = z.object({
  digest: digestSchema,
  line: lineIdSchema,
  task: z.string(),
  version: versionSchema,
  releaseCounter: z.int().min(1),
  bytes: countSchema,
  parent: digestSchema.nullable(),
  keyId: digestSchema,
  uploadedAt: unixMsSchema,
  /** As the manifest states it: data set, split, figures. */
  quality: z.unknown(),
});

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

/** One device group with its offload policy. */
export const groupSchema = z.object({
  group: groupIdSchema,
  offload: offloadPolicySchema,
  devices: countSchema,
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

export type DeviceSummary = z.infer<typeof deviceSummarySchema>;
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;
export type Model = z.infer<typeof modelSchema>;
export type Rollout = z.infer<typeof rolloutSchema>;
export type RolloutTarget = z.infer<typeof rolloutTargetSchema>;
export type StoredEvent = z.infer<typeof storedEventSchema>;
export type StoredOffload = z.infer<typeof storedOffloadSchema>;
export type Whoami = z.infer<typeof whoamiSchema>;
export type FleetFigures = z.infer<typeof fleetSchema>;
