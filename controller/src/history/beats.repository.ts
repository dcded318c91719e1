/** SQL of beats: the newest per device, rings of earlier ones, and the figures of the fleet that grow out of them. */
import {
  type Beat,
  type BeatPoint,
  type DeviceId,
  FIGURES_KEPT_MS,
  FIGURES_STEP_MS,
  type FigurePoint,
} from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, eq, sql } from 'drizzle-orm';
import { DATABASE, type Database, rowsOf } from '../db/database.ts';
import { devices } from '../devices/devices.tables.ts';
import { GRAINS, keptBeat } from './beats.plan.ts';
import { beatHistory, figures } from './history.tables.ts';

/** A beat with its arrival. */
export interface BeatRow {
  readonly device: DeviceId;
  readonly beat: Beat;
  readonly beatAt: number;
}

const COLUMNS = sql.raw(
  'at, decisions, sure, unsure, out_of_scope, offload_share, p50, p95, p99, rss_bytes, cpu_share, waiting, dropped, uptime_s',
);

/** The first beat of a span takes the slot; a beat that comes twice, or late, changes nothing. */
const ring = ({ grain, spanMs, slots }: (typeof GRAINS)[number]) => sql`
  insert into ${beatHistory} as kept (device, grain, slot, span, ${COLUMNS})
  select device, ${grain}, ((at / ${spanMs}::bigint) % ${slots}::bigint)::int, at / ${spanMs}::bigint, ${COLUMNS} from grown
  on conflict (device, grain, slot) do update set span = excluded.span, at = excluded.at,
    decisions = excluded.decisions, sure = excluded.sure, unsure = excluded.unsure,
    out_of_scope = excluded.out_of_scope, offload_share = excluded.offload_share, p50 = excluded.p50,
    p95 = excluded.p95, p99 = excluded.p99, rss_bytes = excluded.rss_bytes, cpu_share = excluded.cpu_share,
    waiting = excluded.waiting, dropped = excluded.dropped, uptime_s = excluded.uptime_s
  where kept.span < excluded.span`;

/** Beats in the database. */
@Injectable()
export class BeatsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Stores the newest beat of each device. In one statement, so that a retry counts nothing twice: what a beat adds is
   * its difference to the one before, which every part of the statement sees as it was.
   */
  async store(rows: readonly BeatRow[]): Promise<void> {
    const list = JSON.stringify(rows.map((row) => ({ ...keptBeat(row), beat: row.beat })));
    const [fine, coarse] = GRAINS;
    await this.database.execute(sql`
      with given as (
        select * from jsonb_to_recordset(${list}::jsonb) as given(
          device text, instance text, at bigint, beat jsonb, decisions bigint, sure bigint, unsure bigint,
          out_of_scope bigint, offload_share double precision, p50 double precision, p95 double precision,
          p99 double precision, rss_bytes bigint, cpu_share double precision, waiting bigint, dropped bigint,
          uptime_s double precision)
      ), grown as (
        select given.*, old.beat ->> 'instance' is not distinct from given.instance as goes_on,
          coalesce((old.beat -> 'decisions' ->> 'total')::bigint, 0) as old_decisions,
          coalesce((old.beat ->> 'offloadShare')::double precision, 0) as old_share
        from given join ${devices} old on old.device = given.device and old.revoked_at is null
      ), added as (
        select at, p50, p95, p99,
          greatest(decisions - case when goes_on then old_decisions else 0 end, 0) as decided,
          greatest(round(decisions * offload_share)
            - case when goes_on then round(old_decisions * old_share) else 0 end, 0) as offered
        from grown
      ), newest as (
        update ${devices} set beat = grown.beat, beat_at = grown.at, last_seen_at = grown.at
        from grown where ${devices.device} = grown.device
      ), fine as (${ring(fine)}
      ), coarse as (${ring(coarse)})
      insert into ${figures} as total (at, decisions, offered, weighed_p50, weighed_p95, weighed_p99)
      select (at / ${FIGURES_STEP_MS}::bigint) * ${FIGURES_STEP_MS}::bigint, sum(decided), sum(offered),
        sum(p50 * decided), sum(p95 * decided), sum(p99 * decided)
      from added group by 1
      on conflict (at) do update set decisions = total.decisions + excluded.decisions,
        offered = total.offered + excluded.offered, weighed_p50 = total.weighed_p50 + excluded.weighed_p50,
        weighed_p95 = total.weighed_p95 + excluded.weighed_p95, weighed_p99 = total.weighed_p99 + excluded.weighed_p99`);
  }

  /** The newest beat of a device that is stored. */
  async newest(device: DeviceId): Promise<Beat | null> {
    const [row] = await this.database
      .select({ beat: devices.beat })
      .from(devices)
      .where(eq(devices.device, device));
    return row?.beat ?? null;
  }

  /** Counts who is connected into the span of `nowMs`, and removes figures that are too old. */
  async countOnline(nowMs: number): Promise<void> {
    const at = Math.floor(nowMs / FIGURES_STEP_MS) * FIGURES_STEP_MS;
    await this.database.execute(sql`
      insert into ${figures} as total (at, online) select ${at}, count(*) filter (where is_online) from ${devices}
      on conflict (at) do update set online = greatest(total.online, excluded.online)`);
    await this.database.execute(sql`delete from ${figures} where at < ${at - FIGURES_KEPT_MS}`);
  }

  /** Beats of a device in one grain, oldest first. */
  list(device: DeviceId, grain: 'fine' | 'coarse'): Promise<BeatPoint[]> {
    return this.database
      .select()
      .from(beatHistory)
      .where(and(eq(beatHistory.device, device), eq(beatHistory.grain, grain)))
      .orderBy(asc(beatHistory.at));
  }

  /** The fleet from one time to another in spans of `stepMs`, oldest first; spans of which nothing is known are left out. */
  async figures(range: { fromMs: number; untilMs: number; stepMs: number }): Promise<FigurePoint[]> {
    const rows = await rowsOf<Record<keyof FigurePoint, number | string | null>>(
      this.database,
      sql`select (at / ${range.stepMs}::bigint) * ${range.stepMs}::bigint as at, sum(decisions) as decisions,
          sum(offered) as offered, max(online) as online, sum(weighed_p50) / nullif(sum(decisions), 0) as p50,
          sum(weighed_p95) / nullif(sum(decisions), 0) as p95, sum(weighed_p99) / nullif(sum(decisions), 0) as p99
        from ${figures} where at >= ${range.fromMs} and at < ${range.untilMs} group by 1 order by 1`,
    );
    const optional = (value: number | string | null): number | null =>
      value === null ? null : Number(value);
    return rows.map(({ at, decisions, offered, online, p50, p95, p99 }) => ({
      at: Number(at),
      decisions: Number(decisions),
      offered: Number(offered),
      online: optional(online),
      p50: optional(p50),
      p95: optional(p95),
      p99: optional(p99),
    }));
  }
}
