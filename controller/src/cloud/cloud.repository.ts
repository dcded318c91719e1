/**
 * SQL of the cloud tier. Money is reserved and the call written in one statement under the lock of the day's row, so that
 * no two calls, of one controller or of several, can both take what is left.
 */
import {
  type DeviceId,
  type ErrorCode,
  type LineId,
  PROPOSALS_MAX,
  PROVIDER_CALL_ROWS_MAX,
  type Uuid,
} from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, desc, eq, lt, sql } from 'drizzle-orm';
import { DATABASE, type Database, rowsOf } from '../db/database.ts';
import { cloudCalls, cloudDays, proposals } from './cloud.tables.ts';

/** A call before it is made. */
export interface NewCall {
  readonly id: Uuid;
  readonly at: number;
  readonly day: string;
  readonly device: DeviceId;
  readonly decision: Uuid;
  readonly attempt: number;
  readonly target: string;
  readonly model: string;
  readonly reservedMicros: number;
  readonly requestHash: string;
  readonly redacted: Readonly<Record<string, number>>;
}

/** A call after it was made. */
export interface SettledCall {
  readonly id: Uuid;
  readonly state: 'answered' | 'failed';
  readonly status: number | null;
  readonly code: ErrorCode | null;
  readonly milliseconds: number;
  readonly firstMilliseconds: number | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly isEstimated: boolean;
  readonly costMicros: number;
}

const DAYS_SHOWN = 31;

/** The cloud tier in the database. */
@Injectable()
export class CloudRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Reserves the money of a call and writes the call.
   * @returns false when the day's budget does not cover it; then nothing is written
   */
  async reserve(call: NewCall, budgetMicros: number): Promise<boolean> {
    const { at, attempt, day, decision, device, id, model, requestHash, reservedMicros, target } = call;
    const rows = await rowsOf<{ id: string }>(
      this.database,
      sql`with admitted as (
          insert into ${cloudDays} as of_day (day, reserved, spent, calls)
          select ${day}, ${reservedMicros}::bigint, 0, 1
          where ${reservedMicros}::bigint <= ${budgetMicros}::bigint
          on conflict (day) do update
            set reserved = of_day.reserved + excluded.reserved, calls = of_day.calls + 1
            where of_day.spent + of_day.reserved + excluded.reserved <= ${budgetMicros}::bigint
          returning day
        )
        insert into ${cloudCalls} (id, at, day, device, decision, attempt, target, model, state, reserved_micros,
          request_hash, redacted)
        select ${id}, ${at}::bigint, day, ${device}, ${decision}, ${attempt}::int, ${target}, ${model}, 'open',
          ${reservedMicros}::bigint, ${requestHash}, ${JSON.stringify(call.redacted)}::jsonb from admitted
        returning id`,
    );
    return rows.length === 1;
  }

  /** Books what calls have cost and gives back the rest of what was reserved; each call once, however often it comes. */
  async settle(calls: readonly SettledCall[]): Promise<void> {
    await this.database.execute(sql`
      with settled as (
        update ${cloudCalls} as call set state = given.state, status = given.status, code = given.code,
          milliseconds = given.milliseconds, first_milliseconds = given."firstMilliseconds",
          input_tokens = given."inputTokens", output_tokens = given."outputTokens",
          is_estimated = given."isEstimated", cost_micros = given."costMicros"
        from jsonb_to_recordset(${JSON.stringify(calls)}::jsonb) as given(
          id text, state text, status int, code text, milliseconds double precision,
          "firstMilliseconds" double precision, "inputTokens" bigint, "outputTokens" bigint,
          "isEstimated" boolean, "costMicros" bigint)
        where call.id = given.id and call.state = 'open'
        returning call.day, call.reserved_micros, call.cost_micros
      ), ${booked('settled')}`);
  }

  /** Calls that a stop of their controller left open count as what they could cost at most. */
  async settleAbandoned(before: number): Promise<void> {
    await this.database.execute(sql`
      with abandoned as (
        update ${cloudCalls} set state = 'failed', code = 'INTERNAL', is_estimated = true,
          cost_micros = reserved_micros
        where state = 'open' and at < ${before}::bigint
        returning day, reserved_micros, cost_micros
      ), ${booked('abandoned')}`);
  }

  /** Money of the newest days, newest first. */
  days(): Promise<(typeof cloudDays.$inferSelect)[]> {
    return this.database.select().from(cloudDays).orderBy(desc(cloudDays.day)).limit(DAYS_SHOWN);
  }

  /** A page of calls, newest first. */
  calls(query: { device?: DeviceId | undefined; decision?: Uuid | undefined; limit: number }) {
    const { decision, device, limit } = query;
    return this.database
      .select()
      .from(cloudCalls)
      .where(
        and(
          device === undefined ? undefined : eq(cloudCalls.device, device),
          decision === undefined ? undefined : eq(cloudCalls.decision, decision),
        ),
      )
      .orderBy(desc(cloudCalls.position))
      .limit(limit);
  }

  /** Counts a proposed intent. */
  async propose(line: LineId, name: string, at: number): Promise<void> {
    await this.database.execute(sql`
      insert into ${proposals} as known (line, name, count, first_at, last_at)
      select ${line}, ${name}, 1, ${at}::bigint, ${at}::bigint
      where (select count(*) from ${proposals}) < ${PROPOSALS_MAX}
        or exists (select from ${proposals} where line = ${line} and name = ${name})
      on conflict (line, name) do update set count = known.count + 1, last_at = excluded.last_at`);
  }

  /** Proposed intents, most frequent first. */
  proposals(limit: number): Promise<(typeof proposals.$inferSelect)[]> {
    return this.database
      .select()
      .from(proposals)
      .orderBy(desc(proposals.count), desc(proposals.lastAt))
      .limit(limit);
  }

  /** Removes calls beyond the bound, oldest first; the sums of their days stay. */
  async trim(): Promise<void> {
    const newest = sql`(select max(position) from ${cloudCalls}) - ${PROVIDER_CALL_ROWS_MAX}`;
    await this.database
      .delete(cloudCalls)
      .where(and(sql`${cloudCalls.state} <> 'open'`, lt(cloudCalls.position, newest)));
  }
}

/** Moves the money of calls, of one statement before, from reserved to spent. */
const booked = (source: string) => sql`by_day as (
    select day, sum(reserved_micros) as reserved, sum(cost_micros) as cost from ${sql.raw(source)} group by day
  )
  update ${cloudDays} as of_day set reserved = of_day.reserved - by_day.reserved, spent = of_day.spent + by_day.cost
  from by_day where of_day.day = by_day.day`;
