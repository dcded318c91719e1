/** SQL of the timeline. */
import { type DeviceId, TIMELINE_ROWS_MAX, type TimelineEntry, type TimelineKind } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, desc, eq, gt, lt, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { timeline } from './history.tables.ts';

/** A happening on its way into the database. */
export type NewHappening = typeof timeline.$inferInsert;

/** The timeline in the database. */
@Injectable()
export class TimelineRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Adds happenings; one that is there already changes nothing. */
  async add(rows: readonly NewHappening[]): Promise<void> {
    await this.database.execute(
      sql`insert into ${timeline} (key, at, kind, device, device_group, line, digest, code, detail, subject, figures)
        select key, at, kind, device, "deviceGroup", line, digest, code, detail, subject, coalesce(figures, '{}')
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given(key text, at bigint, kind text, device text,
          "deviceGroup" text, line text, digest text, code text, detail text, subject text, figures jsonb)
        on conflict do nothing`,
    );
  }

  /** A page, newest first. */
  async list(query: {
    limit: number;
    before?: number | undefined;
    device?: DeviceId | undefined;
    kind?: TimelineKind | undefined;
    subject?: string | undefined;
  }): Promise<TimelineEntry[]> {
    const { before, device, kind, limit, subject } = query;
    const rows = await this.database
      .select()
      .from(timeline)
      .where(
        and(
          before === undefined ? undefined : lt(timeline.position, before),
          device === undefined ? undefined : eq(timeline.device, device),
          kind === undefined ? undefined : eq(timeline.kind, kind),
          subject === undefined ? undefined : eq(timeline.subject, subject),
        ),
      )
      .orderBy(desc(timeline.position))
      .limit(limit);
    return rows.map(shown);
  }

  /** The newest after a position, at most `limit`, oldest first. */
  async after(position: number, limit: number): Promise<TimelineEntry[]> {
    const rows = await this.database
      .select()
      .from(timeline)
      .where(gt(timeline.position, position))
      .orderBy(desc(timeline.position))
      .limit(limit);
    return rows.reverse().map(shown);
  }

  /** Removes what is beyond the bound, oldest first. */
  async trim(): Promise<void> {
    await this.database.execute(
      sql`delete from ${timeline} where position <= (select max(position) from ${timeline}) - ${TIMELINE_ROWS_MAX}`,
    );
  }
}

const shown = ({ deviceGroup, key: _key, ...row }: typeof timeline.$inferSelect): TimelineEntry => ({
  ...row,
  group: deviceGroup,
});
