/** SQL of the stream: marks of each part, and decisions without their text. */
import { type LiveDecision, STREAM_DECISIONS_MAX } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, desc, eq, gt, sql } from 'drizzle-orm';
import { cloudDays } from '../cloud/cloud.tables.ts';
import { DATABASE, type Database, rowsOf } from '../db/database.ts';
import { devices, groups } from '../devices/devices.tables.ts';
import { timeline } from '../history/history.tables.ts';
import { models } from '../models/models.tables.ts';
import { offloads } from '../offload/offload.tables.ts';
import { rollouts } from '../rollouts/rollouts.tables.ts';
import { candidates, rounds } from '../rounds/rounds.tables.ts';
import { events, tallies } from '../telemetry/telemetry.tables.ts';
import type { Marks, Place } from './live.plan.ts';

/** What one look at the database saw. */
export interface Look {
  readonly place: Place;
  readonly marks: Marks;
}

const text = (value: unknown): string => JSON.stringify(value ?? null);

/** What a stream reads. */
@Injectable()
export class LiveRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** One look at everything that a stream follows; beats change a device's row without changing its state. */
  async look(): Promise<Look> {
    const [row] = await rowsOf<Record<string, unknown>>(
      this.database,
      sql`select
        (select coalesce(max(position), 0) from ${timeline}) as timeline,
        (select coalesce(max(position), 0) from ${events}) as event,
        (select coalesce(max(position), 0) from ${offloads}) as offloads,
        (select coalesce(sum(value), 0) from ${tallies} where name like 'offload:%') as answered,
        (select coalesce(sum(hashtext(concat_ws(' ', position, phase, course))::bigint), 0) from ${rollouts}) as rollouts,
        (select count(*) from ${models}) as models,
        (select concat_ws(' ', sum(calls), sum(spent), sum(reserved)) from ${cloudDays}) as spend,
        (select count(*) from ${candidates}) as candidates,
        (select coalesce(sum(hashtext(concat_ws(' ', id, status, asked, accepted, declined, updates, refused))::bigint), 0)
          from ${rounds}) as rounds,
        (select coalesce(sum(hashtext(concat_ws(' ', name, offload, explanations))::bigint), 0) from ${groups}) as groups,
        (select coalesce(max(beat_at), 0) from ${devices}) as beats,
        (select coalesce(sum(hashtext(concat_ws(' ', device, device_group, is_online, session, revoked_at,
          desired_version, reported_version, lines, problems))::bigint), 0) from ${devices}) as devices`,
    );
    const seen = row ?? {};
    return {
      place: { timeline: Number(seen['timeline'] ?? 0), event: Number(seen['event'] ?? 0) },
      marks: {
        devices: text(seen['devices']),
        beats: text(seen['beats']),
        models: text(seen['models']),
        // What a rollout shows is how far its devices are.
        rollouts: text([seen['rollouts'], seen['devices']]),
        rounds: text([seen['rounds'], seen['candidates']]),
        offloads: text([seen['offloads'], seen['answered']]),
        spend: text(seen['spend']),
        groups: text(seen['groups']),
      },
    };
  }

  /** The newest decisions after a position, oldest first. */
  async decisionsAfter(position: number): Promise<LiveDecision[]> {
    const rows = await this.database
      .select({
        position: events.position,
        receivedAt: events.receivedAt,
        device: events.device,
        event: events.event,
      })
      .from(events)
      .where(and(eq(events.type, 'decision'), gt(events.position, position)))
      .orderBy(desc(events.position))
      .limit(STREAM_DECISIONS_MAX);
    return rows.reverse().flatMap(({ event, ...row }) => {
      if (event.type !== 'decision') return [];
      const { confidence, label, line, micros, tier, verdict } = event;
      return [{ ...row, line, label, confidence, verdict, tier, micros }];
    });
  }
}
