/** SQL of forecasts: what is recorded of comings and goings, and of what devices decide. */
import type { Beat, DeviceId } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import { DATABASE, type Database } from '../db/database.ts';
import { devices } from '../devices/devices.tables.ts';
import { timeline } from '../history/history.tables.ts';
import type { Coming } from './presence.plan.ts';

/** What was recorded, in the database. */
@Injectable()
export class ForecastRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Comings and goings of all devices, oldest first. */
  async comings(): Promise<Map<DeviceId, Coming[]>> {
    const { at, device, kind, position } = timeline;
    const rows = await this.database
      .select({ at, device, kind })
      .from(timeline)
      .where(and(inArray(kind, ['device-online', 'device-offline']), isNotNull(device)))
      .orderBy(asc(position));
    const byDevice = new Map<DeviceId, Coming[]>();
    for (const row of rows) {
      if (row.device === null) continue;
      const own = byDevice.get(row.device) ?? [];
      own.push({ at: row.at, isOnline: row.kind === 'device-online' });
      byDevice.set(row.device, own);
    }
    return byDevice;
  }

  /** Decisions in a second of each device, over the life of its process. */
  async decisionRates(): Promise<Map<DeviceId, number>> {
    const { beat, device, revokedAt } = devices;
    const rows = await this.database
      .select({
        device,
        decisions: sql<Beat['decisions'] | null>`${beat} -> 'decisions'`,
        uptimeS: sql<string | null>`${beat} ->> 'uptimeS'`,
      })
      .from(devices)
      .where(and(isNull(revokedAt), isNotNull(beat)));
    return new Map(
      rows.map(({ decisions, device: name, uptimeS }) => [
        name,
        (decisions?.total ?? 0) / Math.max(1, Number(uptimeS ?? 0)),
      ]),
    );
  }
}
