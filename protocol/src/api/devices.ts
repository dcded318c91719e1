/**
 * Devices and their groups: what the operator API shows of them and does with them. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, groupIdSchema } from '../ids.ts';
import { DEVICE_TAGS_MAX } from '../limits/rollouts.ts';
import { transferSchema } from '../messages/desired.ts';
import { beatSchema, lineReportSchema } from '../messages/presence.ts';
import {
  countSchema,
  errorCodeSchema,
  explanationPolicySchema,
  offloadPolicySchema,
  perLine,
  proseSchema,
  unixMsSchema,
} from '../messages/vocabulary.ts';
import { fleetTokenSchema } from './access.ts';
import { bare, listOf, route } from './route.ts';

/** What an operator notes of a device, to choose devices by; `time-zone` (an IANA name) is that of its windows. */
export const deviceTagsSchema = z
  .record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/), z.string().min(1).max(64))
  .refine((tags) => Object.keys(tags).length <= DEVICE_TAGS_MAX, {
    message: `at most ${DEVICE_TAGS_MAX} tags`,
  });

/** One device in a listing: who it is, whether it is connected, what it reports to run. */
export const deviceSummarySchema = z.object({
  device: deviceIdSchema,
  group: groupIdSchema,
  tags: deviceTagsSchema,
  status: z.enum(['online', 'offline', 'revoked', 'never-seen']),
  enrolledAt: unixMsSchema,
  lastSeenAt: unixMsSchema.nullable(),
  desiredVersion: countSchema,
  reportedVersion: countSchema,
  /** Root of the release metadata that it has followed; null for one that has met none. */
  root: z.int().min(1).nullable().optional(),
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

/** One device group with its policies. */
export const groupSchema = z.object({
  group: groupIdSchema,
  offload: offloadPolicySchema,
  explanations: explanationPolicySchema,
  /** Null: chosen by the number of devices. */
  transfer: transferSchema.nullable(),
  devices: countSchema,
});

export type DeviceTags = z.infer<typeof deviceTagsSchema>;
export type DeviceSummary = z.infer<typeof deviceSummarySchema>;
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;

/** Routes of this part of the operator API. */
export const DEVICE_ROUTES = {
  devices: route({
    ...bare,
    method: 'GET',
    path: '/api/devices',
    role: 'viewer',
    summary: 'All devices',
    answer: listOf(deviceSummarySchema),
  }),
  device: route({
    ...bare,
    method: 'GET',
    path: '/api/devices/:device',
    role: 'viewer',
    summary: 'One device',
    params: z.object({ device: deviceIdSchema }),
    answer: deviceDetailSchema,
  }),
  revokeDevice: route({
    ...bare,
    method: 'POST',
    path: '/api/devices/:device/revoke',
    role: 'operator',
    summary: 'Cut the session and all rights of a device',
    params: z.object({ device: deviceIdSchema }),
    answer: deviceSummarySchema,
  }),
  replaceDevice: route({
    ...bare,
    method: 'POST',
    path: '/api/devices/:device/replacement',
    role: 'operator',
    summary:
      'A fleet token with which other hardware takes over name, group and history; its secret is shown once',
    params: z.object({ device: deviceIdSchema }),
    body: z.object({ validForS: z.int().min(1).max(31_536_000) }),
    answer: fleetTokenSchema.extend({ secret: z.string() }),
  }),
  moveDevice: route({
    ...bare,
    method: 'PUT',
    path: '/api/devices/:device/group',
    role: 'operator',
    summary: 'Put a device into a group',
    params: z.object({ device: deviceIdSchema }),
    body: z.object({ group: groupIdSchema }),
    answer: deviceSummarySchema,
  }),
  tagDevice: route({
    ...bare,
    method: 'PUT',
    path: '/api/devices/:device/tags',
    role: 'operator',
    summary: 'Set the tags of a device, in place of those that it has',
    params: z.object({ device: deviceIdSchema }),
    body: z.object({ tags: deviceTagsSchema }),
    answer: deviceSummarySchema,
  }),
  groups: route({
    ...bare,
    method: 'GET',
    path: '/api/groups',
    role: 'viewer',
    summary: 'Device groups with their policies',
    answer: listOf(groupSchema),
  }),
  setPolicy: route({
    ...bare,
    method: 'PUT',
    path: '/api/groups/:group/policy',
    role: 'operator',
    summary: 'How far texts of a group may travel',
    params: z.object({ group: groupIdSchema }),
    body: z.object({ offload: offloadPolicySchema }),
    answer: groupSchema,
  }),
  setExplanations: route({
    ...bare,
    method: 'PUT',
    path: '/api/groups/:group/explanations',
    role: 'operator',
    summary: 'Whether programs on devices of a group may be told which words decided',
    params: z.object({ group: groupIdSchema }),
    body: z.object({ explanations: explanationPolicySchema }),
    answer: groupSchema,
  }),
  setTransfer: route({
    ...bare,
    method: 'PUT',
    path: '/api/groups/:group/transfer',
    role: 'operator',
    summary: 'When and how fast devices of a group fetch what they are to run',
    params: z.object({ group: groupIdSchema }),
    /** Null: chosen by the number of devices again. */
    body: z.object({ transfer: transferSchema.nullable() }),
    answer: groupSchema,
  }),
} as const;
