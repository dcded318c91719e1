/**
 * Releases of the agent as the operator API takes, rolls out and shows them. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, groupIdSchema } from '../ids.ts';
import { MANIFEST_BYTES_MAX } from '../limits/models.ts';
import { agentReportSchema, agentVersionSchema } from '../messages/agent.ts';
import { countSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { bare, listOf, route } from './route.ts';

/** One release of the registry. */
export const registeredAgentSchema = z.object({
  digest: digestSchema,
  version: agentVersionSchema,
  platforms: z.array(z.string()),
  bytes: countSchema,
  keyId: digestSchema,
  /** Content of its `manifest.sig`. */
  signature: z.string(),
  uploadedAt: unixMsSchema,
});

/** Whom a release is for. */
export const agentTargetSchema = z.union([
  z.object({ group: groupIdSchema }),
  z.object({ all: z.literal(true) }),
]);

/** A release on its way to devices. */
export const agentRolloutSchema = z.object({
  order: z.int().min(1),
  digest: digestSchema,
  version: agentVersionSchema,
  target: agentTargetSchema,
  createdAt: unixMsSchema,
});

/** How the agent of one device stands. */
export const deviceAgentSchema = z.object({
  device: deviceIdSchema,
  group: groupIdSchema,
  isOnline: z.boolean(),
  /** Version of its newest session; null before the first. */
  version: z.string().nullable(),
  /** What it shall run; null: what is installed. */
  desired: agentVersionSchema.nullable(),
  /** Of the desired release. `installed`: none is desired; `pending`: it has not begun, or has no loader that says so. */
  state: z.enum([
    'installed',
    'pending',
    'fetching',
    'staged',
    'probation',
    'running',
    'refused',
    'rolled-back',
    'offline',
  ]),
  /** As the device says it; null before it has said anything. */
  report: agentReportSchema.nullable(),
});

export type RegisteredAgent = z.infer<typeof registeredAgentSchema>;
export type AgentTarget = z.infer<typeof agentTargetSchema>;
export type AgentRollout = z.infer<typeof agentRolloutSchema>;
export type DeviceAgent = z.infer<typeof deviceAgentSchema>;

const base64 = z.base64().max(Math.ceil(MANIFEST_BYTES_MAX / 3) * 4);

/** Routes of this part of the operator API. */
export const AGENT_ROUTES = {
  addAgent: route({
    ...bare,
    method: 'POST',
    path: '/api/agents',
    role: 'publisher',
    summary: 'Register a signed release of the agent whose files are uploaded',
    body: z.object({ manifest: base64, signature: z.string().max(4_096) }),
    answer: registeredAgentSchema,
  }),
  agents: route({
    ...bare,
    method: 'GET',
    path: '/api/agents',
    role: 'viewer',
    summary: 'Releases of the agent',
    answer: listOf(registeredAgentSchema),
  }),
  rollOutAgent: route({
    ...bare,
    method: 'POST',
    path: '/api/agents/rollouts',
    role: 'publisher',
    summary: 'Make a release of the agent the desired one',
    body: z.object({ digest: digestSchema, target: agentTargetSchema }),
    answer: agentRolloutSchema,
  }),
  agentDevices: route({
    ...bare,
    method: 'GET',
    path: '/api/agents/devices',
    role: 'viewer',
    summary: 'How the agent of each device stands',
    answer: listOf(deviceAgentSchema),
  }),
} as const;
