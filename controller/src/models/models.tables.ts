/** Table of the registry: one row per signed bundle. The files are blobs on the disk, named by their digests. */
import type { BundleFile, Digest, LineId } from '@nanofleet/protocol';
import { bigint, jsonb, pgTable, text } from 'drizzle-orm/pg-core';

/** Registered bundles. */
export const models = pgTable('models', {
  /** SHA-256 of manifest.json. */
  digest: text().$type<Digest>().primaryKey(),
  line: text().$type<LineId>().notNull(),
  task: text().notNull(),
  version: text().notNull(),
  releaseCounter: bigint({ mode: 'number' }).notNull(),
  /** Of all files together, manifest not counted. */
  bytes: bigint({ mode: 'number' }).notNull(),
  parent: text().$type<Digest>(),
  keyId: text().$type<Digest>().notNull(),
  uploadedAt: bigint({ mode: 'number' }).notNull(),
  quality: jsonb().$type<unknown>(),
  files: jsonb().$type<BundleFile[]>().notNull(),
  /** Exact content of manifest.sig. */
  signature: text().notNull(),
});
