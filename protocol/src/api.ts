/**
 * The operator API as a table: method, path, role, schemas. The controller's routes and their checks, the CLI and the
 * dashboard derive from it; no route exists outside it. Device endpoints are in `device-api.ts`. Never holds behaviour.
 */
import { z } from 'zod';
import {
  deviceDetailSchema,
  deviceSummarySchema,
  fleetSchema,
  fleetTokenSchema,
  groupSchema,
  modelSchema,
  nameSchema,
  operatorTokenSchema,
  type Role,
  roleSchema,
  rolloutSchema,
  rolloutTargetSchema,
  storedEventSchema,
  storedOffloadSchema,
  whoamiSchema,
} from './api-views.ts';
import { deviceIdSchema, digestSchema, groupIdSchema, uuidSchema } from './ids.ts';
import { MANIFEST_BYTES_MAX, PAGE_ROWS_MAX, TEXT_BYTES_MAX } from './limits.ts';
import {
  countSchema,
  offloadPolicySchema,
  scoredSchema,
  tierSchema,
  versionSchema,
} from './messages/vocabulary.ts';

const page = { limit: z.coerce.number().int().min(1).max(PAGE_ROWS_MAX).default(100) };
const none = z.object({});
const listOf = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item) });

interface RouteShape {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for parts that come from `params`. */
  readonly path: string;
  /** `null`: open to everybody. */
  readonly role: Role | null;
  readonly summary: string;
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  /** `bytes`: the raw request body. */
  readonly body: z.ZodType | 'bytes';
  readonly answer: z.ZodType;
}

const route = <const R extends RouteShape>(definition: R): R => definition;
const bare = { params: none, query: none, body: none } as const;
const base64 = z.base64().max(Math.ceil(MANIFEST_BYTES_MAX / 3) * 4);

/** Every operator route. */
export const API = {
  health: route({
    ...bare,
    method: 'GET',
    path: '/healthz',
    role: null,
    summary: 'The process is alive',
    answer: z.object({ ok: z.literal(true) }),
  }),
  ready: route({
    ...bare,
    method: 'GET',
    path: '/readyz',
    role: null,
    summary: 'Database, broker link and registry work',
    answer: z.object({ ready: z.boolean(), parts: z.record(z.string(), z.boolean()) }),
  }),
  whoami: route({
    ...bare,
    method: 'GET',
    path: '/api/whoami',
    role: 'viewer',
    summary: 'Token, fleet and keys',
    answer: whoamiSchema,
  }),
  fleet: route({
    ...bare,
    method: 'GET',
    path: '/api/fleet',
    role: 'viewer',
    summary: 'The fleet in figures',
    answer: fleetSchema,
  }),
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
  groups: route({
    ...bare,
    method: 'GET',
    path: '/api/groups',
    role: 'viewer',
    summary: 'Device groups with their offload policy',
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
  operatorTokens: route({
    ...bare,
    method: 'GET',
    path: '/api/tokens',
    role: 'admin',
    summary: 'Operator tokens, without their secrets',
    answer: listOf(operatorTokenSchema),
  }),
  makeOperatorToken: route({
    ...bare,
    method: 'POST',
    path: '/api/tokens',
    role: 'admin',
    summary: 'Make an operator token; its secret is shown once',
    body: z.object({ name: nameSchema, role: roleSchema }),
    answer: operatorTokenSchema.extend({ token: z.string() }),
  }),
  dropOperatorToken: route({
    ...bare,
    method: 'DELETE',
    path: '/api/tokens/:id',
    role: 'admin',
    summary: 'Make an operator token useless',
    params: z.object({ id: uuidSchema }),
    answer: z.object({ dropped: z.literal(true) }),
  }),
  fleetTokens: route({
    ...bare,
    method: 'GET',
    path: '/api/fleet-tokens',
    role: 'operator',
    summary: 'Fleet tokens, without their secrets',
    answer: listOf(fleetTokenSchema),
  }),
  makeFleetToken: route({
    ...bare,
    method: 'POST',
    path: '/api/fleet-tokens',
    role: 'operator',
    summary: 'Let devices enrol; the caller adds the pinned fingerprints',
    body: z.object({
      name: nameSchema,
      group: groupIdSchema,
      uses: z.int().min(1).max(100_000),
      validForS: z.int().min(1).max(31_536_000),
    }),
    answer: fleetTokenSchema.extend({ secret: z.string() }),
  }),
  dropFleetToken: route({
    ...bare,
    method: 'DELETE',
    path: '/api/fleet-tokens/:id',
    role: 'operator',
    summary: 'Make a fleet token useless',
    params: z.object({ id: uuidSchema }),
    answer: z.object({ dropped: z.literal(true) }),
  }),
  putBlob: route({
    ...bare,
    method: 'PUT',
    path: '/api/blobs/:digest',
    role: 'publisher',
    summary: 'Upload one file of a bundle, named by its SHA-256',
    params: z.object({ digest: digestSchema }),
    body: 'bytes',
    answer: z.object({ bytes: countSchema }),
  }),
  addModel: route({
    ...bare,
    method: 'POST',
    path: '/api/models',
    role: 'publisher',
    summary: 'Register a signed bundle whose files are uploaded',
    body: z.object({ manifest: base64, signature: z.string().max(4_096) }),
    answer: modelSchema,
  }),
  models: route({
    ...bare,
    method: 'GET',
    path: '/api/models',
    role: 'viewer',
    summary: 'The registry',
    answer: listOf(modelSchema),
  }),
  model: route({
    ...bare,
    method: 'GET',
    path: '/api/models/:digest',
    role: 'viewer',
    summary: 'One bundle with its lineage, oldest last',
    params: z.object({ digest: digestSchema }),
    answer: modelSchema.extend({ lineage: z.array(modelSchema), missing: z.array(digestSchema) }),
  }),
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

export type ApiRoute = keyof typeof API;
type SchemaOut<S> = S extends z.ZodType ? z.output<S> : Uint8Array;
type SchemaIn<S> = S extends z.ZodType ? z.input<S> : Uint8Array;
/** What the controller's handler of a route gets. */
export interface ApiRequest<R extends ApiRoute> {
  readonly params: SchemaOut<(typeof API)[R]['params']>;
  readonly query: SchemaOut<(typeof API)[R]['query']>;
  readonly body: SchemaOut<(typeof API)[R]['body']>;
}
/** What a client of a route gives. */
export interface ApiCall<R extends ApiRoute> {
  readonly params?: SchemaIn<(typeof API)[R]['params']>;
  readonly query?: SchemaIn<(typeof API)[R]['query']>;
  readonly body?: SchemaIn<(typeof API)[R]['body']>;
}
export type ApiAnswer<R extends ApiRoute> = z.output<(typeof API)[R]['answer']>;
