/**
 * Tables of federated rounds: the round as its machine keeps it, its devices, updates until they are in the average, the
 * candidates, and the operator's examples. A text in here is the operator's own, never a device's.
 */
import type {
  BundleFile,
  DeviceId,
  Digest,
  ErrorCode,
  LineId,
  RoundAccuracy,
  RoundDevice,
  RoundSettings,
  RoundStatus,
  Uuid,
} from '@nanofleet/protocol';
import { sql } from 'drizzle-orm';
import {
  bigint,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';

const count = () => bigint({ mode: 'number' }).notNull().default(0);

/** Bytes; the two drivers give different views of them. */
const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
});

/** One row per round. */
export const rounds = pgTable(
  'rounds',
  {
    id: text().$type<Uuid>().primaryKey(),
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity(),
    line: text().$type<LineId>().notNull(),
    status: text().$type<RoundStatus>().notNull(),
    base: text().$type<Digest>().notNull(),
    baseVersion: text().notNull(),
    turn: integer().notNull(),
    labels: jsonb().$type<{ version: number; added: string[] }>().notNull(),
    settings: jsonb().$type<RoundSettings>().notNull(),
    seed: bigint({ mode: 'number' }).notNull(),
    createdAt: bigint({ mode: 'number' }).notNull(),
    deadlineAt: bigint({ mode: 'number' }),
    finishedAt: bigint({ mode: 'number' }),
    asked: count(),
    accepted: count(),
    declined: count(),
    updates: count(),
    refused: count(),
    rejected: count(),
    examples: count(),
    updateBytes: count(),
    averageNorm: doublePrecision(),
    /** Blob of the head that it begins from, float32; null for the base's own. */
    startHead: text().$type<Digest>(),
    startBytes: integer(),
    /** Blob of the head that it ends with. */
    endHead: text().$type<Digest>(),
    endBytes: integer(),
    accuracy: jsonb().$type<{ before: RoundAccuracy; after: RoundAccuracy }>(),
    candidate: text().$type<Digest>(),
    problemCode: text().$type<ErrorCode>(),
    problemMessage: text(),
    /** Whether its devices were told how it ended. */
    toldAt: bigint({ mode: 'number' }),
    /** The controller that drives it, until a moment by that controller's clock. */
    owner: text(),
    ownedUntil: bigint({ mode: 'number' }).notNull().default(0),
  },
  (table) => [
    index().on(table.position),
    // One open round per line: a device trains one head of a line at a time.
    uniqueIndex('rounds_open_line')
      .on(table.line)
      .where(sql`status not in ('candidate', 'failed', 'aborted')`),
  ],
);

/** Devices of a round. */
export const roundDevices = pgTable(
  'round_devices',
  {
    round: text().$type<Uuid>().notNull(),
    device: text().$type<DeviceId>().notNull(),
    state: text().$type<RoundDevice['state']>().notNull(),
    examples: count(),
    code: text().$type<ErrorCode>(),
  },
  (table) => [primaryKey({ columns: [table.round, table.device] })],
);

/** Accepted updates as they came; they leave with the transaction that stores their average. */
export const roundUpdates = pgTable(
  'round_updates',
  {
    round: text().$type<Uuid>().notNull(),
    device: text().$type<DeviceId>().notNull(),
    /** Examples after the cap: the weight in the average. */
    weight: integer().notNull(),
    bytes: bytea().notNull(),
  },
  (table) => [primaryKey({ columns: [table.round, table.device] })],
);

/** Unsigned bundles that rounds made; their files are blobs. */
export const candidates = pgTable(
  'candidates',
  {
    digest: text().$type<Digest>().primaryKey(),
    line: text().$type<LineId>().notNull(),
    version: text().notNull(),
    releaseCounter: bigint({ mode: 'number' }).notNull(),
    parent: text().$type<Digest>().notNull(),
    round: text().$type<Uuid>().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    createdAt: bigint({ mode: 'number' }).notNull(),
    labelsVersion: integer().notNull(),
    added: jsonb().$type<string[]>().notNull(),
    accuracy: jsonb().$type<{ before: RoundAccuracy; after: RoundAccuracy }>(),
    files: jsonb().$type<BundleFile[]>().notNull(),
  },
  (table) => [index().on(table.createdAt)],
);

/** The operator's examples of a line. */
export const examples = pgTable(
  'examples',
  {
    line: text().$type<LineId>().notNull(),
    place: integer().notNull(),
    text: text().notNull(),
    /** `oos` for none of the labels. */
    intent: text().notNull(),
    storedAt: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.line, table.place] })],
);
