/** Tables of the agent's releases, and of the rollouts from which it is planned what each device shall run. */
import type { AgentRelease, Digest, GroupId } from '@nanofleet/protocol';
import { bigint, jsonb, pgTable, text } from 'drizzle-orm/pg-core';

/** Registered releases. The files are blobs on the disk, named by their digests. */
export const agentReleases = pgTable('agent_releases', {
  /** SHA-256 of manifest.json. */
  digest: text().$type<Digest>().primaryKey(),
  version: text().notNull(),
  platforms: jsonb().$type<string[]>().notNull(),
  files: jsonb().$type<AgentRelease['files']>().notNull(),
  /** Of all files together, manifest not counted. */
  bytes: bigint({ mode: 'number' }).notNull(),
  keyId: text().$type<Digest>().notNull(),
  /** Exact content of manifest.sig. */
  signature: text().notNull(),
  uploadedAt: bigint({ mode: 'number' }).notNull(),
});

/** Rollouts in the order of `position`; later ones win. */
export const agentRollouts = pgTable('agent_rollouts', {
  position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
  digest: text().$type<Digest>().notNull(),
  version: text().notNull(),
  targetKind: text().$type<'all' | 'group'>().notNull(),
  targetGroup: text().$type<GroupId>(),
  createdAt: bigint({ mode: 'number' }).notNull(),
});
