/**
 * The registry of signed bundles as the operator API shows and fills it. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { digestSchema, lineIdSchema } from '../ids.ts';
import { MANIFEST_BYTES_MAX } from '../limits/models.ts';
import { labelsSchema, qualitySchema } from '../manifest.ts';
import { countSchema, unixMsSchema, versionSchema } from '../messages/vocabulary.ts';
import { bare, listOf, route } from './route.ts';

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

/** What the manifest of a bundle says of it beside the row: for whom it is, what it costs, under which license. */
export const modelCardSchema = z.object({
  license: z.string(),
  attribution: z.array(z.string()),
  labels: labelsSchema,
  cost: z.object({ bytes: countSchema, microseconds: z.number(), rssBytes: countSchema }),
  /** Of all files in the form in which devices fetch them; absent where a controller serves one form only. */
  travelBytes: countSchema.optional(),
  quality: z.array(qualitySchema),
});

export type Model = z.infer<typeof modelSchema>;

const base64 = z.base64().max(Math.ceil(MANIFEST_BYTES_MAX / 3) * 4);

/** Routes of this part of the operator API. */
export const MODEL_ROUTES = {
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
    summary: 'One bundle with its card and its lineage, oldest last',
    params: z.object({ digest: digestSchema }),
    answer: modelSchema.extend({
      lineage: z.array(modelSchema),
      missing: z.array(digestSchema),
      /** Exact content of manifest.sig. */
      signature: z.string(),
      /** Null when the manifest is gone from the disk. */
      card: modelCardSchema.nullable(),
    }),
  }),
} as const;
