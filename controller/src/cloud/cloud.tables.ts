/** Tables of the cloud tier: money per day, the audit of calls, proposed intents. None holds a text. */
import type { CloudCall, DeviceId, ErrorCode, LineId, Uuid } from '@nanofleet/protocol';
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';

/** Money of the days of UTC, in millionths of the currency's unit. */
export const cloudDays = pgTable('cloud_days', {
  day: text().primaryKey(),
  /** What calls in work may cost at most. */
  reserved: bigint({ mode: 'number' }).notNull(),
  spent: bigint({ mode: 'number' }).notNull(),
  calls: bigint({ mode: 'number' }).notNull(),
});

/** One row per call, written with the reservation of its money, before the call. */
export const cloudCalls = pgTable(
  'cloud_calls',
  {
    id: text().$type<Uuid>().primaryKey(),
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity(),
    at: bigint({ mode: 'number' }).notNull(),
    day: text().notNull(),
    device: text().$type<DeviceId>().notNull(),
    decision: text().$type<Uuid>().notNull(),
    attempt: integer().notNull(),
    target: text().notNull(),
    model: text().notNull(),
    state: text().$type<CloudCall['state']>().notNull(),
    status: integer(),
    code: text().$type<ErrorCode>(),
    milliseconds: doublePrecision(),
    firstMilliseconds: doublePrecision(),
    inputTokens: bigint({ mode: 'number' }),
    outputTokens: bigint({ mode: 'number' }),
    isEstimated: boolean().notNull().default(false),
    reservedMicros: bigint({ mode: 'number' }).notNull(),
    costMicros: bigint({ mode: 'number' }),
    /** HMAC of the request under a key that is not in the database. */
    requestHash: text().notNull(),
    redacted: jsonb().$type<Record<string, number>>().notNull(),
  },
  (table) => [
    index().on(table.position),
    index().on(table.device, table.decision),
    index().on(table.state, table.at),
  ],
);

/** Intents that providers proposed, by line. */
export const proposals = pgTable(
  'proposals',
  {
    line: text().$type<LineId>().notNull(),
    name: text().notNull(),
    count: bigint({ mode: 'number' }).notNull(),
    firstAt: bigint({ mode: 'number' }).notNull(),
    lastAt: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.line, table.name] })],
);
