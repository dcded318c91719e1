/** Tables of which controller hears which devices. */
import type { Shard } from '@nanofleet/protocol';
import { bigint, boolean, pgTable, text } from 'drizzle-orm/pg-core';

/** All controllers that ever were. A row stays: its beat must never be the same twice. */
export const controllers = pgTable('controllers', {
  id: text().primaryKey(),
  beat: bigint({ mode: 'number' }).notNull().default(0),
  /** False once it has ended, or another one has declared it dead. */
  isLiving: boolean().notNull().default(true),
});

/** One row per shard. */
export const shardLeases = pgTable('shard_leases', {
  shard: text().$type<Shard>().primaryKey(),
  holder: text(),
  epoch: bigint({ mode: 'number' }).notNull().default(0),
});
