/** Tables of what was: the timeline, beats of devices in two grains, figures of the fleet. All are bounded. */
import type { DeviceId, Digest, ErrorCode, GroupId, LineId, TimelineKind } from '@nanofleet/protocol';
import {
  bigint,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core';

/** Happenings in the order of their arrival, each once per key. */
export const timeline = pgTable(
  'timeline',
  {
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    /** What makes a happening the same: two controllers, or one that was killed, may note it twice. */
    key: text().notNull().unique(),
    at: bigint({ mode: 'number' }).notNull(),
    kind: text().$type<TimelineKind>().notNull(),
    device: text().$type<DeviceId>(),
    deviceGroup: text().$type<GroupId>(),
    line: text().$type<LineId>(),
    digest: text().$type<Digest>(),
    code: text().$type<ErrorCode>(),
    detail: text(),
    subject: text(),
    figures: jsonb().$type<Record<string, number>>().notNull().default({}),
  },
  (table) => [index().on(table.device, table.position), index().on(table.kind, table.position)],
);

/** A ring of beats per device and grain: a slot is written again when the ring comes round, so that nothing is trimmed. */
export const beatHistory = pgTable(
  'beat_history',
  {
    device: text().$type<DeviceId>().notNull(),
    grain: text().$type<'fine' | 'coarse'>().notNull(),
    slot: integer().notNull(),
    /** Number of the span of time; the first beat of a span is kept. */
    span: bigint({ mode: 'number' }).notNull(),
    at: bigint({ mode: 'number' }).notNull(),
    decisions: bigint({ mode: 'number' }).notNull(),
    sure: bigint({ mode: 'number' }).notNull(),
    unsure: bigint({ mode: 'number' }).notNull(),
    outOfScope: bigint({ mode: 'number' }).notNull(),
    offloadShare: doublePrecision().notNull(),
    p50: doublePrecision().notNull(),
    p95: doublePrecision().notNull(),
    p99: doublePrecision().notNull(),
    rssBytes: bigint({ mode: 'number' }).notNull(),
    cpuShare: doublePrecision().notNull(),
    waiting: bigint({ mode: 'number' }).notNull(),
    dropped: bigint({ mode: 'number' }).notNull(),
    uptimeS: doublePrecision().notNull(),
  },
  (table) => [primaryKey({ columns: [table.device, table.grain, table.slot] })],
);

/**
 * What bringing bundles to devices took, as these tell it: what forecasts of rollouts know of their links. A bundle has one
 * of `TRANSFERS_KEPT_MAX` slots by its digest, so that nothing is trimmed.
 */
export const transfers = pgTable(
  'transfers',
  {
    device: text().$type<DeviceId>().notNull(),
    line: text().$type<LineId>().notNull(),
    slot: integer().notNull(),
    at: bigint({ mode: 'number' }).notNull(),
    digest: text().$type<Digest>().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    fetchMs: doublePrecision().notNull(),
    settleMs: doublePrecision().notNull(),
  },
  (table) => [primaryKey({ columns: [table.device, table.line, table.slot] })],
);

/** One row per span of `FIGURES_STEP_MS`. Quantiles are sums, each weighted by the decisions of its device. */
export const figures = pgTable('figures', {
  at: bigint({ mode: 'number' }).primaryKey(),
  decisions: bigint({ mode: 'number' }).notNull().default(0),
  offered: bigint({ mode: 'number' }).notNull().default(0),
  weighedP50: doublePrecision('weighed_p50').notNull().default(0),
  weighedP95: doublePrecision('weighed_p95').notNull().default(0),
  weighedP99: doublePrecision('weighed_p99').notNull().default(0),
  online: integer(),
});
