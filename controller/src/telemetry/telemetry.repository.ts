/** SQL of events and tallies. */

import type { DeviceEvent, DeviceId } from '@nanofleet/protocol';
import { EVENT_ROWS_MAX } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { DATABASE, type Database, rowsOf } from '../db/database.ts';
import type { RecordIdentity } from '../link/acknowledge.ts';
import { events, tallies } from './telemetry.tables.ts';

/** An event on its way into the database. */
export interface NewEvent extends RecordIdentity {
  readonly recordedAt: number;
  readonly receivedAt: number;
  readonly type: DeviceEvent['type'];
  /** As JSON. */
  readonly event: string;
}

/** One row as JSON; names and epochs hold nothing that JSON would escape, and the event is JSON already. */
const rowJson = ({ device, epoch, event, receivedAt, recordedAt, sequence, type }: NewEvent): string =>
  `{"device":"${device}","epoch":"${epoch}","sequence":${sequence},"recordedAt":${recordedAt},` +
  `"receivedAt":${receivedAt},"type":"${type}","event":${event}}`;

/** What a listing asks for. */
export interface EventQuery {
  readonly after: number;
  readonly limit: number;
  readonly device?: DeviceId | undefined;
  readonly type?: string | undefined;
}

/** Events in the database. */
@Injectable()
export class TelemetryRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Stores events and counts those that are new, in one statement: an event that is there already changes nothing.
   * One JSON parameter instead of a row of them: 58,000 rows a second against 23,000 on the embedded database.
   * @returns how many were new
   */
  async store(rows: readonly NewEvent[]): Promise<number> {
    const list = `[${rows.map(rowJson).join(',')}]`;
    const [counted] = await rowsOf<{ fresh: number | string }>(
      this.database,
      sql`with inserted as (
          insert into ${events} (device, epoch, sequence, recorded_at, received_at, type, event)
          select device, epoch, sequence, "recordedAt", "receivedAt", type, event
          from jsonb_to_recordset(${list}::jsonb) as given(
            device text, epoch text, sequence bigint, "recordedAt" bigint, "receivedAt" bigint, type text, event jsonb)
          on conflict do nothing
          returning type
        ), counted as (select type, count(*) as fresh from inserted group by type
        ), tallied as (
          insert into ${tallies} as tally (name, value) select 'event:' || type, fresh from counted
          on conflict (name) do update set value = tally.value + excluded.value
        )
        select coalesce(sum(fresh), 0) as fresh from counted`,
    );
    return Number(counted?.fresh ?? 0);
  }

  /** A page of events. */
  list({ after, device, limit, type }: EventQuery) {
    return this.database
      .select()
      .from(events)
      .where(
        and(
          gt(events.position, after),
          device === undefined ? undefined : eq(events.device, device),
          type === undefined ? undefined : eq(events.type, type),
        ),
      )
      .orderBy(asc(events.position))
      .limit(limit);
  }

  /** Removes what is beyond the bound, oldest first. */
  async trim(): Promise<void> {
    await this.database.execute(
      sql`delete from ${events} where position <= (select max(position) from ${events}) - ${EVENT_ROWS_MAX}`,
    );
  }

  /** All tallies by name. */
  async tallies(): Promise<Map<string, number>> {
    const rows = await this.database.select().from(tallies);
    return new Map(rows.map(({ name, value }) => [name, value]));
  }
}
