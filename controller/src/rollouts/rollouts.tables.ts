/** Table of rollouts: the history from which what each device shall run is planned. */
import type { Digest, GroupId, LineId, Uuid } from '@nanofleet/protocol';
import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core';

/** Rollouts in the order of `position`. */
export const rollouts = pgTable(
  'rollouts',
  {
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    id: text().$type<Uuid>().notNull().unique(),
    line: text().$type<LineId>().notNull(),
    digest: text().$type<Digest>().notNull(),
    version: text().notNull(),
    targetKind: text().$type<'all' | 'group' | 'controller'>().notNull(),
    targetGroup: text().$type<GroupId>(),
    createdAt: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [index().on(table.targetKind, table.line)],
);
