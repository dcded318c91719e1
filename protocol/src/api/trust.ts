/**
 * The publishers' release metadata as operators see it and push it. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, digestSchema, fleetIdSchema } from '../ids.ts';
import { DEVICES_NAMED_MAX, METADATA_BYTES_MAX, ROOTS_AT_ONCE_MAX } from '../limits/models.ts';
import { countSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { METADATA_ROLES } from '../metadata/roles.ts';
import { bare, route } from './route.ts';

/** How one role stands. */
export const metadataStandingSchema = z.object({
  role: z.enum(METADATA_ROLES),
  version: z.int().min(1),
  expiresAt: unixMsSchema,
  /** Fingerprints of the keys that may sign it, and how many of them must. */
  keyIds: z.array(digestSchema),
  threshold: z.int().min(1),
});

/** How the release metadata of a fleet stands. */
export const trustSchema = z.object({
  fleet: fleetIdSchema,
  /** Empty while there is none: then devices go by the publisher's signature on each bundle alone. */
  roles: z.array(metadataStandingSchema),
  /** Raw Ed25519 keys of the controller, base64: the one that signs timestamps now, and one that is about to. */
  controllerKeys: z.array(z.base64().length(44)).min(1).max(2),
  /** Releases in the targets. */
  targets: countSchema,
  /** Living devices: those that have followed the newest root, and those that have not yet, the first of these by name. */
  devices: z.object({
    following: countSchema,
    behind: countSchema,
    names: z.array(deviceIdSchema).max(DEVICES_NAMED_MAX),
  }),
});

export type MetadataStanding = z.infer<typeof metadataStandingSchema>;
export type Trust = z.infer<typeof trustSchema>;

/** A document as it is signed. */
const documentSchema = z.string().max(METADATA_BYTES_MAX);

/** Routes of this part of the operator API. */
export const TRUST_ROUTES = {
  trust: route({
    ...bare,
    method: 'GET',
    path: '/api/trust',
    role: 'viewer',
    summary: 'How the release metadata of the publishers stands',
    answer: trustSchema,
  }),
  metadata: route({
    ...bare,
    method: 'GET',
    path: '/api/trust/:name',
    role: 'viewer',
    summary: 'One document of the release metadata, as it is signed',
    params: z.object({ name: z.string().max(64) }),
    answer: z.object({ document: documentSchema }),
  }),
  putMetadata: route({
    ...bare,
    method: 'POST',
    path: '/api/trust',
    role: 'publisher',
    summary: 'Put newer release metadata in place, signed by the publishers',
    body: z.object({
      /** In the order of their versions. */
      roots: z.array(documentSchema).max(ROOTS_AT_ONCE_MAX),
      /** Both or none. */
      releases: z.object({ targets: documentSchema, snapshot: documentSchema }).nullable(),
    }),
    answer: trustSchema,
  }),
} as const;
