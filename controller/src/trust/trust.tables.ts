/** Table of the publishers' release metadata: documents as they were signed, and the controller's newest timestamp. */
import type { MetadataRole } from '@nanofleet/protocol';
import { bigint, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';

/** Documents by role and version. */
export const releaseMetadata = pgTable(
  'release_metadata',
  {
    role: text().$type<MetadataRole>().notNull(),
    version: bigint({ mode: 'number' }).notNull(),
    /** Canonical JSON, byte for byte. */
    document: text().notNull(),
    addedAt: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.role, table.version] })],
);
