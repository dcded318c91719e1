/**
 * SQL of leases. Each change states what it saw, so that of two controllers that act on the same view one changes
 * nothing. Never reads a clock of the database.
 */
import { allShards, type Shard } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, eq, isNull, notInArray, or, type SQL, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import type { Lease, Peer, View } from './shards.machine.ts';
import { controllers, shardLeases } from './shards.tables.ts';

/** A shard that this controller holds, as its writes state it. */
export interface HeldLease {
  readonly shard: Shard;
  readonly epoch: number;
}

const NEXT_BEAT = sql`${controllers.beat} + 1`;

/** A condition that is true as long as a lease is what it was: writes of a controller that lost it do nothing. */
export const isStill = ({ epoch, shard }: HeldLease): SQL => sql`exists (select 1 from ${shardLeases} as lease
  where lease.shard = ${shard} and lease.epoch = ${epoch})`;

/** Leases in the database. */
@Injectable()
export class ShardsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Says that a controller is there. */
  async join(id: string): Promise<void> {
    const rows = allShards().map((shard) => ({ shard }));
    await this.database.insert(shardLeases).values(rows).onConflictDoNothing();
    await this.database
      .insert(controllers)
      .values({ id })
      .onConflictDoUpdate({ target: controllers.id, set: { beat: NEXT_BEAT, isLiving: true } });
  }

  /** Counts up; false when the controller was declared dead meanwhile. */
  async beat(id: string): Promise<boolean> {
    const beaten = await this.database
      .update(controllers)
      .set({ beat: NEXT_BEAT })
      .where(and(eq(controllers.id, id), eq(controllers.isLiving, true)))
      .returning({ id: controllers.id });
    return beaten.length > 0;
  }

  /** Everything at one moment. */
  async view(): Promise<View> {
    const [peers, leases] = await Promise.all([
      this.database.select().from(controllers).where(eq(controllers.isLiving, true)),
      this.database.select().from(shardLeases).orderBy(asc(shardLeases.shard)),
    ]);
    return { peers, leases };
  }

  /** Declares a controller dead unless it has counted up meanwhile. */
  async bury({ beat, id }: Peer): Promise<void> {
    await this.database
      .update(controllers)
      .set({ isLiving: false })
      .where(and(eq(controllers.id, id), eq(controllers.beat, beat)));
  }

  /** Takes a free shard; null when somebody was quicker, or its holder lives after all. */
  async take(id: string, { epoch, shard }: Lease): Promise<HeldLease | null> {
    const living = this.database
      .select({ id: controllers.id })
      .from(controllers)
      .where(eq(controllers.isLiving, true));
    const isFree = or(isNull(shardLeases.holder), notInArray(shardLeases.holder, living));
    return this.#hand(id, and(eq(shardLeases.shard, shard), eq(shardLeases.epoch, epoch), isFree));
  }

  /** Takes again what a controller held before it was started anew under the same name. */
  async retake(id: string): Promise<HeldLease[]> {
    return this.database
      .update(shardLeases)
      .set({ epoch: sql`${shardLeases.epoch} + 1` })
      .where(eq(shardLeases.holder, id))
      .returning({ shard: shardLeases.shard, epoch: shardLeases.epoch });
  }

  /** Takes all shards from whoever has them: for a controller whose broker nobody else can hear. */
  async takeAll(id: string): Promise<HeldLease[]> {
    return this.database
      .update(shardLeases)
      .set({ holder: id, epoch: sql`${shardLeases.epoch} + 1` })
      .returning({ shard: shardLeases.shard, epoch: shardLeases.epoch });
  }

  /** Gives a shard back. */
  async give({ epoch, shard }: HeldLease): Promise<void> {
    await this.database
      .update(shardLeases)
      .set({ holder: null })
      .where(and(eq(shardLeases.shard, shard), eq(shardLeases.epoch, epoch)));
  }

  /** A controller ends: others need not wait for its silence. */
  async leave(id: string): Promise<void> {
    await this.database.update(controllers).set({ isLiving: false }).where(eq(controllers.id, id));
  }

  async #hand(id: string, where: SQL | undefined): Promise<HeldLease | null> {
    const [taken] = await this.database
      .update(shardLeases)
      .set({ holder: id, epoch: sql`${shardLeases.epoch} + 1` })
      .where(where)
      .returning({ shard: shardLeases.shard, epoch: shardLeases.epoch });
    return taken ?? null;
  }
}
