/** SQL of rollouts and of their devices. */

import {
  type DeviceId,
  type Digest,
  type GateView,
  type LineFigures,
  type LineId,
  type LineReport,
  ROLLOUTS_OPEN_MAX,
  type Uuid,
} from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, desc, eq, inArray, isNull, lt, notInArray, or, sql } from 'drizzle-orm';
import { DATABASE, type Database, type Queries } from '../db/database.ts';
import { devices } from '../devices/devices.tables.ts';
import type { Member } from './members.plan.ts';
import { rolloutDevices, rollouts } from './rollouts.tables.ts';
import type { Tally, Told } from './tally.plan.ts';

/** A row of rollouts. */
export type RolloutRow = typeof rollouts.$inferSelect;
/** A row of rollout_devices. */
export type MemberRow = typeof rolloutDevices.$inferSelect;
/** What a rollout is made with. */
export type NewRollout = Omit<RolloutRow, 'position' | 'gate' | 'owner' | 'ownedUntil'>;

const WHOLE = sql`(${rollouts.phase} is null or ${rollouts.phase} = 'done')`;

/** Rows of one statement: PostgreSQL takes 65,535 values. */
const ROWS_AT_ONCE = 5_000;

/** Rollouts in the database. */
@Injectable()
export class RolloutsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Adds a rollout and gives it its place. */
  async add(row: NewRollout): Promise<RolloutRow> {
    const [added] = await this.database.insert(rollouts).values(row).returning();
    return added ?? { ...row, position: 0, gate: null, owner: null, ownedUntil: 0 };
  }

  /** One rollout. */
  async one(id: Uuid): Promise<RolloutRow | undefined> {
    const [row] = await this.database.select().from(rollouts).where(eq(rollouts.id, id));
    return row;
  }

  /** The newest ones, newest first. */
  newest(limit: number): Promise<RolloutRow[]> {
    return this.database.select().from(rollouts).orderBy(desc(rollouts.position)).limit(limit);
  }

  /** The newest of each line and target that went, or goes, to everybody. */
  whole(): Promise<RolloutRow[]> {
    const { line, position, targetGroup, targetKind, targetTags } = rollouts;
    return this.database
      .selectDistinctOn([line, targetKind, targetGroup, targetTags])
      .from(rollouts)
      .where(WHOLE)
      .orderBy(line, targetKind, targetGroup, targetTags, desc(position));
  }

  /** All that still decides anything: those, and the ones in waves since. */
  async latest(): Promise<RolloutRow[]> {
    const [whole, staged] = await Promise.all([this.whole(), this.#staged()]);
    const isOver = (row: RolloutRow): boolean =>
      whole.some(
        (other) => other.position > row.position && other.line === row.line && other.targetKind === 'all',
      );
    return [...whole, ...staged.filter((row) => !isOver(row))];
  }

  #staged(): Promise<RolloutRow[]> {
    return this.database
      .select()
      .from(rollouts)
      .where(sql`not ${WHOLE}`)
      .orderBy(desc(rollouts.position))
      .limit(ROLLOUTS_OPEN_MAX);
  }

  /** Rollouts in waves that something may still happen to, oldest first. */
  open(): Promise<RolloutRow[]> {
    return this.database
      .select()
      .from(rollouts)
      .where(notInArray(rollouts.phase, ['done', 'aborted', 'rolled-back', 'superseded']))
      .orderBy(asc(rollouts.position));
  }

  /** Devices of some rollouts, or of those only that are named; within a transaction by its own queries. */
  membersOf(
    ids: readonly Uuid[],
    { names, queries = this.database }: { names?: readonly DeviceId[]; queries?: Queries } = {},
  ): Promise<MemberRow[]> {
    if (ids.length === 0) return Promise.resolve([]);
    const named = names === undefined ? undefined : inArray(rolloutDevices.device, [...names]);
    return queries
      .select()
      .from(rolloutDevices)
      .where(and(inArray(rolloutDevices.rollout, [...ids]), named));
  }

  /** Devices that live, with what a rollout of a line looks at. */
  async sightings(line: LineId) {
    const { desiredState, device, deviceGroup, isOnline, lines, revokedAt, tags } = devices;
    return this.database
      .select({
        device,
        group: deviceGroup,
        tags,
        isOnline,
        report: sql<LineReport | null>`${lines} -> ${line}`,
        desired: sql<string | null>`${desiredState} -> 'lines' -> ${line} ->> 'digest'`,
        comparedWith: sql<string | null>`${desiredState} -> 'lines' -> ${line} ->> 'comparedWith'`,
        attempt: sql<string | null>`${desiredState} -> 'lines' -> ${line} ->> 'attempt'`,
      })
      .from(devices)
      .where(isNull(revokedAt))
      .orderBy(asc(device));
  }

  /** What devices say of a line in their newest beats. */
  async told(line: LineId, names: readonly DeviceId[]): Promise<{ device: DeviceId; told: Told | null }[]> {
    const { beat, device } = devices;
    const rows = await this.database
      .select({
        device,
        running: sql<{ digest: Digest; figures?: LineFigures } | null>`${beat} -> 'lines' -> ${line}`,
        instance: sql<string | null>`${beat} ->> 'instance'`,
      })
      .from(devices)
      .where(inArray(device, [...names]));
    return rows.map(({ device: name, instance, running }) => {
      const figures = running?.figures;
      const isTold = running !== null && instance !== null && figures !== undefined;
      return { device: name, told: isTold ? { instance, digest: running.digest, figures } : null };
    });
  }

  /** Stores what a look of a gate found. */
  async setGate(id: Uuid, look: { gate: GateView; tallies: ReadonlyMap<DeviceId, Tally> }): Promise<void> {
    const given = [...look.tallies].map(([device, tally]) => ({ device, tally }));
    await this.database.transaction(async (transaction) => {
      await transaction.update(rollouts).set({ gate: look.gate }).where(eq(rollouts.id, id));
      await transaction.execute(sql`update ${rolloutDevices} as member set tally = given.tally
        from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as given(device text, tally jsonb)
        where member.rollout = ${id} and member.device = given.device`);
    });
  }

  /** Runs `work` on a rollout while nobody else changes it; nothing happens where there is none. */
  async change<T>(id: Uuid, work: (row: RolloutRow, queries: Queries) => Promise<T>): Promise<T | null> {
    return this.database.transaction(async (transaction) => {
      const [row] = await transaction.select().from(rollouts).where(eq(rollouts.id, id)).for('update');
      return row === undefined ? null : work(row, transaction);
    });
  }

  /** Stores what a step made of a rollout. */
  async set(queries: Queries, id: Uuid, change: Pick<RolloutRow, 'phase' | 'course'>): Promise<void> {
    await queries.update(rollouts).set(change).where(eq(rollouts.id, id));
  }

  /** Stores what a step made of its devices. */
  async setMembers(queries: Queries, rollout: Uuid, members: readonly Member[]): Promise<void> {
    for (let at = 0; at < members.length; at += ROWS_AT_ONCE) {
      const some = members.slice(at, at + ROWS_AT_ONCE);
      await queries.execute(
        sql`insert into ${rolloutDevices} (rollout, device, step, tries, member)
          select ${rollout}::text, member ->> 'device', member ->> 'step', (member ->> 'tries')::integer, member
          from jsonb_array_elements(${JSON.stringify(some)}::jsonb) as member
          on conflict (rollout, device) do update set step = excluded.step, tries = excluded.tries, member = excluded.member`,
      );
    }
  }

  /** Forgets devices that a rollout is not for any more. */
  async dropMembers(queries: Queries, rollout: Uuid, names: readonly DeviceId[]): Promise<void> {
    if (names.length === 0) return;
    await queries
      .delete(rolloutDevices)
      .where(and(eq(rolloutDevices.rollout, rollout), inArray(rolloutDevices.device, [...names])));
  }

  /** Makes `owner` the one that looks after a rollout, until a moment; whether it is. It spares work: steps lock the row. */
  async claim(id: Uuid, claim: { owner: string; nowMs: number; untilMs: number }): Promise<boolean> {
    const { owner, ownedUntil } = rollouts;
    const claimed = await this.database
      .update(rollouts)
      .set({ owner: claim.owner, ownedUntil: claim.untilMs })
      .where(and(eq(rollouts.id, id), or(isNull(owner), eq(owner, claim.owner), lt(ownedUntil, claim.nowMs))))
      .returning({ id: rollouts.id });
    return claimed.length > 0;
  }
}
