/** Table of questions to bigger tiers. A question is kept once per record identity; its text only until it is final. */
import type { DeviceId, LineId, OffloadResponse, Tier, Uuid } from '@nanofleet/protocol';
import { sql } from 'drizzle-orm';
import { bigint, doublePrecision, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';

/** How a question stands; the last three are final. */
export type OffloadStatus = 'waiting' | 'answered' | 'unanswered' | 'expired';

/** Questions in order of arrival. */
export const offloads = pgTable(
  'offloads',
  {
    device: text().$type<DeviceId>().notNull(),
    epoch: text().notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity(),
    decision: text().$type<Uuid>().notNull(),
    line: text().$type<LineId>().notNull(),
    receivedAt: bigint({ mode: 'number' }).notNull(),
    expiresAt: bigint({ mode: 'number' }).notNull(),
    status: text().$type<OffloadStatus>().notNull(),
    /** Redacted by the device; null once the question is final. */
    text: text(),
    /** Details that the device had replaced, by kind. */
    redacted: jsonb().$type<Record<string, number>>().notNull().default({}),
    tier: text().$type<Tier>(),
    label: text(),
    micros: doublePrecision(),
    response: jsonb().$type<OffloadResponse>(),
  },
  (table) => [
    primaryKey({ columns: [table.device, table.epoch, table.sequence] }),
    index().on(table.position),
    index().on(table.device, table.decision),
    index().on(table.status),
    index('offloads_with_words').on(table.expiresAt).where(sql`response ? 'reply'`),
  ],
);
