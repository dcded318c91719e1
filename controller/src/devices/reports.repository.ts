/** SQL of what devices report: many at once, for a rollout makes a whole fleet speak. */
import type { DeviceId, LineId } from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import { DATABASE, type Database, storableJson } from '../db/database.ts';
import { type Installed, TransfersRepository } from '../history/transfers.repository.ts';
import type { HeldLease } from '../shards/shards.repository.ts';
import { shardLeases } from '../shards/shards.tables.ts';
import type { DeviceRow } from './devices.repository.ts';
import { devices } from './devices.tables.ts';

/** What must be known of a device to take its report. */
export type ReportingDevice = Pick<
  DeviceRow,
  'device' | 'publicKey' | 'revokedAt' | 'instance' | 'agent' | 'lines'
>;

/** What one report changes. */
export interface ReportChange extends HeldLease {
  readonly device: DeviceId;
  readonly said: Pick<DeviceRow, 'agent' | 'followedRoot' | 'lines' | 'problems' | 'reportedVersion'>;
  readonly installed: readonly (readonly [LineId, Installed])[];
}

/** Built once, and one text for any number of devices. */
const knownQuery = (database: Database) => {
  const { agent, device, instance, lines, publicKey, revokedAt } = devices;
  const names = sql`(select jsonb_array_elements_text(${sql.placeholder('names')}::jsonb))`;
  return database
    .select({ device, publicKey, revokedAt, instance, agent, lines })
    .from(devices)
    .where(sql`${device} in ${names}`)
    .prepare('reporting_devices');
};

/** Reports in the database. */
@Injectable()
export class ReportsRepository {
  readonly #known;

  constructor(
    @Inject(DATABASE) database: Database,
    private readonly transfers: TransfersRepository,
  ) {
    this.#known = knownQuery(database);
  }

  /** What is known of some devices. */
  async known(names: readonly DeviceId[]): Promise<Map<DeviceId, ReportingDevice>> {
    const rows = await this.#known.execute({ names: JSON.stringify(names) });
    return new Map(rows.map((row) => [row.device, row]));
  }

  /** Notes reports of different devices, each if the one who heard it still holds its shard. */
  async note(changes: readonly ReportChange[], at: number): Promise<void> {
    if (changes.length === 0) return;
    const given = changes.map(({ device, epoch, said, shard }) => ({ device, shard, epoch, ...said }));
    const noted = sql`update ${devices} as own set last_seen_at = ${at}, agent = given.agent, lines = given.lines,
        problems = given.problems, followed_root = given."followedRoot", reported_version = given."reportedVersion"
      from jsonb_to_recordset(${storableJson(given)}::jsonb) as given(device text, shard text, epoch bigint, agent jsonb,
        lines jsonb, problems jsonb, "followedRoot" integer, "reportedVersion" integer)
      where own.device = given.device and exists (select 1 from ${shardLeases} as lease
        where lease.shard = given.shard and lease.epoch = given.epoch)
      returning own.device`;
    await this.transfers.noteWith(noted, changes, at);
  }
}
