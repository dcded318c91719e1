/** Tables of what devices report: events, and tallies that outlive them. */
import type { DeviceEvent, DeviceId } from '@nanofleet/protocol';
import { bigint, index, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';

/** Events in order of arrival, each once per identity. */
export const events = pgTable(
  'events',
  {
    position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
    device: text().$type<DeviceId>().notNull(),
    epoch: text().notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    recordedAt: bigint({ mode: 'number' }).notNull(),
    receivedAt: bigint({ mode: 'number' }).notNull(),
    type: text().notNull(),
    event: jsonb().$type<DeviceEvent>().notNull(),
  },
  (table) => [
    uniqueIndex().on(table.device, table.epoch, table.sequence),
    index().on(table.type, table.position),
  ],
);

/** Sums since the fleet was made: events leave when they are old, these stay. */
export const tallies = pgTable('tallies', {
  name: text().primaryKey(),
  value: bigint({ mode: 'number' }).notNull(),
});
