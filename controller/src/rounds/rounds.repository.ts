/** SQL of rounds, their devices and their updates. */
import type { DeviceId, LineId, Uuid } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gt, inArray, isNull, lt, or } from 'drizzle-orm';
import { DATABASE, type Database, type Queries } from '../db/database.ts';
import { roundDevices, rounds, roundUpdates } from './rounds.tables.ts';

/** A row of rounds. */
export type RoundRow = typeof rounds.$inferSelect;
/** A row of round_devices. */
export type MemberRow = typeof roundDevices.$inferSelect;
/** A row of round_updates. */
export type UpdateRow = typeof roundUpdates.$inferSelect;
/** What a step changes of a round. */
export type RoundChange = Partial<Omit<RoundRow, 'id' | 'position' | 'owner' | 'ownedUntil'>>;

/** Rounds in the database. */
@Injectable()
export class RoundsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Adds a round; fails with a duplicate while another one of its line is open. */
  async add(row: typeof rounds.$inferInsert): Promise<void> {
    await this.database.insert(rounds).values(row);
  }

  /** One round. */
  async one(id: Uuid): Promise<RoundRow | undefined> {
    const [row] = await this.database.select().from(rounds).where(eq(rounds.id, id));
    return row;
  }

  /** The newest ones, newest first. */
  newest({ limit, line }: { limit: number; line?: LineId | undefined }): Promise<RoundRow[]> {
    return this.database
      .select()
      .from(rounds)
      .where(line === undefined ? undefined : eq(rounds.line, line))
      .orderBy(desc(rounds.position))
      .limit(limit);
  }

  /** The newest round on a base that ended with a candidate. */
  async lastOf(base: string): Promise<RoundRow | undefined> {
    const [row] = await this.database
      .select()
      .from(rounds)
      .where(and(eq(rounds.base, base as RoundRow['base']), eq(rounds.status, 'candidate')))
      .orderBy(desc(rounds.position))
      .limit(1);
    return row;
  }

  /** Rounds that still need somebody: not ended, or ended and their devices not told. */
  unfinished(): Promise<RoundRow[]> {
    return this.database.select().from(rounds).where(isNull(rounds.toldAt)).orderBy(asc(rounds.position));
  }

  /** Devices of a round by name. */
  members(round: Uuid): Promise<MemberRow[]> {
    return this.database
      .select()
      .from(roundDevices)
      .where(eq(roundDevices.round, round))
      .orderBy(asc(roundDevices.device));
  }

  /**
   * Runs `work` on a round and at most one of its devices while nobody else changes them; what it answers is stored with
   * it. Nothing happens, and null comes back, when there is no such round.
   */
  async change<T>(
    key: { round: Uuid; device?: DeviceId },
    work: (row: RoundRow, member: MemberRow | null, queries: Queries) => Promise<T>,
  ): Promise<T | null> {
    return this.database.transaction(async (transaction) => {
      const [row] = await transaction.select().from(rounds).where(eq(rounds.id, key.round)).for('update');
      if (row === undefined) return null;
      const member = key.device === undefined ? null : await memberOf(transaction, key.round, key.device);
      return work(row, member, transaction);
    });
  }

  /** Stores what a step made of a round. */
  async setRound(queries: Queries, id: Uuid, change: RoundChange): Promise<void> {
    await queries.update(rounds).set(change).where(eq(rounds.id, id));
  }

  /** Stores what a step made of a device. */
  async setMember(queries: Queries, row: MemberRow): Promise<void> {
    const { code, device, examples, round, state } = row;
    await queries
      .update(roundDevices)
      .set({ code, examples, state })
      .where(and(eq(roundDevices.round, round), eq(roundDevices.device, device)));
  }

  /** Adds the devices that a round asks. */
  async addMembers(queries: Queries, round: Uuid, devices: readonly DeviceId[]): Promise<void> {
    if (devices.length === 0) return;
    const asked = devices.map((device) => ({ round, device, state: 'asked' as const }));
    await queries.insert(roundDevices).values(asked);
  }

  /** Devices that never contributed and did not say why. */
  async silence(queries: Queries, round: Uuid): Promise<void> {
    await queries
      .update(roundDevices)
      .set({ state: 'silent' })
      .where(and(eq(roundDevices.round, round), inArray(roundDevices.state, ['asked', 'accepted'])));
  }

  /** Keeps an accepted update; a second one of the same device cannot be. */
  async addUpdate(queries: Queries, row: UpdateRow): Promise<void> {
    await queries.insert(roundUpdates).values(row);
  }

  /** A page of updates in the order of their devices: the same order at each try, so that a sum comes out the same. */
  updatesAfter(round: Uuid, { after, limit }: { after: string; limit: number }): Promise<UpdateRow[]> {
    return this.database
      .select()
      .from(roundUpdates)
      .where(and(eq(roundUpdates.round, round), gt(roundUpdates.device, after as DeviceId)))
      .orderBy(asc(roundUpdates.device))
      .limit(limit);
  }

  /** Removes the updates of a round. */
  async dropUpdates(queries: Queries, round: Uuid): Promise<void> {
    await queries.delete(roundUpdates).where(eq(roundUpdates.round, round));
  }

  /**
   * Makes `owner` the one that drives a round, until a moment; whether it is. Steps compare the status that they start
   * from, so that two drivers could not double one: this spares work, it is not what makes rounds right.
   */
  async claim(id: Uuid, claim: { owner: string; nowMs: number; untilMs: number }): Promise<boolean> {
    const claimed = await this.database
      .update(rounds)
      .set({ owner: claim.owner, ownedUntil: claim.untilMs })
      .where(
        and(
          eq(rounds.id, id),
          or(isNull(rounds.owner), eq(rounds.owner, claim.owner), lt(rounds.ownedUntil, claim.nowMs)),
        ),
      )
      .returning({ id: rounds.id });
    return claimed.length > 0;
  }

  /** Leaves what a controller drove to the others, which need not wait until its claims are over. */
  async letGo(owner: string): Promise<void> {
    await this.database.update(rounds).set({ owner: null, ownedUntil: 0 }).where(eq(rounds.owner, owner));
  }
}

const memberOf = async (queries: Queries, round: Uuid, device: DeviceId): Promise<MemberRow | null> => {
  const [row] = await queries
    .select()
    .from(roundDevices)
    .where(and(eq(roundDevices.round, round), eq(roundDevices.device, device)));
  return row ?? null;
};
