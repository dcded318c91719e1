/**
 * The operator API as a table: method, path, role, schemas. The controller's routes and their checks, the CLI and the
 * dashboard derive from it; no route exists outside it. Device endpoints are in `DEVICE_PATHS`. Never holds behaviour.
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
import { MANIFEST_BYTES_MAX, PAGE_ROWS_MAX, TEXT_BYTES_MAX } from './limits.ts';
import { beatSchema, lineReportSchema } from './messages/presence.ts';
import {
  countSchema,
  errorCodeSchema,
  offloadPolicySchema,
  perLine,
  proseSchema,
  scoredSchema,
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

const whoamiSchema = z.object({
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

const deviceDetailSchema = deviceSummarySchema.extend({
  session: countSchema,
  agentVersion: z.string().nullable(),
  beat: beatSchema.nullable(),
  beatAt: unixMsSchema.nullable(),
});

const operatorTokenSchema = z.object({
  id: uuidSchema,
  name: nameSchema,
  role: roleSchema,
  createdAt: unixMsSchema,
  lastUsedAt: unixMsSchema.nullable(),
});

const fleetTokenSchema = z.object({
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

const groupSchema = z.object({ group: groupIdSchema, offload: offloadPolicySchema, devices: countSchema });

const fleetSchema = z.object({
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

/** What devices ask the controller over HTTP. */
export const DEVICE_PATHS = {
  /** POST enrolRequest → enrolAnswer, authenticated by the fleet token inside. */
  enrol: '/device/enrol',
  /** GET with Range, authenticated as the device; `{digest}`, or `{digest}.sig` for the signature of a manifest. */
  blob: '/device/blobs/',
} as const;

/** What a device sends to enrol. */
export const enrolRequestSchema = z.object({
  tokenId: uuidSchema,
  secret: z.string().max(128),
  device: deviceIdSchema,
  /** Raw Ed25519 public key of the device, base64. */
  publicKey: z.base64().length(44),
  /** Fresh per request, base64 of 32 bytes; the answer's signature covers it. */
  nonce: z.base64().length(44),
  /** By the device's key over `nonce`, base64: it holds the private key. */
  proof: z.base64().length(88),
});

/** What the enrolment gives; the signature covers exactly the string. */
export const enrolmentSchema = z.object({
  fleet: fleetIdSchema,
  device: deviceIdSchema,
  group: groupIdSchema,
  nonce: z.base64().length(44),
  /** Password of the device at the broker and for blobs. */
  credential: z.string().min(32).max(128),
  brokerUrl: z.url(),
  /** Raw Ed25519 public keys, base64: the agent checks them against the pinned fingerprints. */
  controllerKey: z.base64().length(44),
  publisherKeys: z.array(z.base64().length(44)).min(1).max(16),
});

/** The controller's answer to an enrolment: the exact signed JSON, and the signature that the device checks. */
export const enrolAnswerSchema = z.object({
  signed: z.string().max(16_384),
  signature: z.base64().length(88),
});

export type DeviceSummary = z.infer<typeof deviceSummarySchema>;
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;
export type Model = z.infer<typeof modelSchema>;
export type Rollout = z.infer<typeof rolloutSchema>;
export type RolloutTarget = z.infer<typeof rolloutTargetSchema>;
export type StoredEvent = z.infer<typeof storedEventSchema>;
export type StoredOffload = z.infer<typeof storedOffloadSchema>;
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;
export type Enrolment = z.infer<typeof enrolmentSchema>;
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>;
export type Whoami = z.infer<typeof whoamiSchema>;
export type FleetFigures = z.infer<typeof fleetSchema>;
