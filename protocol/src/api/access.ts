/**
 * Who may use the operator API: health of the process, who a token stands for, operator tokens and fleet tokens. Owns these
 * schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, fleetIdSchema, groupIdSchema, uuidSchema } from '../ids.ts';
import { countSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { nameSchema, roleSchema } from './roles.ts';
import { bare, listOf, route } from './route.ts';

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
  /**
   * SHA-256 of the public key of the authority that has signed the listeners' certificate; null where they have another
   * certificate or none. Left out by controllers of earlier releases.
   */
  authorityKeyId: digestSchema.nullable().optional(),
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
  /** The one device whose name another key may take over with it; left out for new devices. */
  device: deviceIdSchema.optional(),
});

/** How a package is compressed. Every device unpacks gzip; xz is smaller. */
export const packageFormSchema = z.enum(['xz', 'gzip']);

/** What the controller hands to a device that has no agent yet. */
export const installerSchema = z.object({
  /** Address of the install script, as devices reach it. */
  url: z.url(),
  /** SHA-256 of the script's bytes. It knows those of the packages. */
  sha256: digestSchema,
  packages: z.array(
    z.object({
      platform: z.string(),
      form: packageFormSchema,
      sha256: digestSchema,
      bytes: countSchema,
    }),
  ),
});

export type PackageForm = z.infer<typeof packageFormSchema>;
export type Whoami = z.infer<typeof whoamiSchema>;

/** Routes of this part of the operator API. */
export const ACCESS_ROUTES = {
  health: route({
    ...bare,
    method: 'GET',
    path: '/healthz',
    role: null,
    summary: 'The process is alive',
    answer: z.object({ ok: z.literal(true) }),
  }),
  alive: route({
    ...bare,
    method: 'GET',
    path: '/livez',
    role: null,
    summary: 'The process is alive, for probes',
    answer: z.object({ ok: z.literal(true) }),
  }),
  ready: route({
    ...bare,
    method: 'GET',
    path: '/readyz',
    role: null,
    summary:
      'Database, migrations, broker and leases are in order, and it is not about to end; else status 503',
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
  installer: route({
    ...bare,
    method: 'GET',
    path: '/api/installer',
    role: 'operator',
    summary: 'Where devices get the agent from, and the SHA-256 that the line for it compares',
    answer: installerSchema,
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
} as const;
