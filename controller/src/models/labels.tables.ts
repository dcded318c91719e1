/** Table of labels that a line was given beyond those of its bundles. */
import type { LineId } from '@nanofleet/protocol';
import { bigint, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';

/** One row per allocation; a label that was taken back keeps its row, so that no version of a list comes twice. */
export const addedLabels = pgTable(
  'added_labels',
  {
    line: text().$type<LineId>().notNull(),
    /** Version of the line's label list from which on it has this label. */
    version: integer().notNull(),
    name: text().notNull(),
    addedAt: bigint({ mode: 'number' }).notNull(),
    addedBy: text().notNull(),
    /** Version from which on the list lacks it again; null while it has it. */
    removedVersion: integer(),
  },
  (table) => [primaryKey({ columns: [table.line, table.version] })],
);
