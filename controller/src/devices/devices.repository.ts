/** SQL of devices and groups. */

import {
  type Desired,
  type DesiredState,
  type DeviceId,
  type DeviceTags,
  type GroupId,
  type Shard,
  shardOf,
} from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { DATABASE, type Database, type Queries, rowsOf } from '../db/database.ts';
import { type HeldLease, isStill } from '../shards/shards.repository.ts';
import { DEFAULT_POLICIES, type GroupPolicies } from './desired.plan.ts';
import { devices, groups } from './devices.tables.ts';

/** A row of devices. */
export type DeviceRow = typeof devices.$inferSelect;
/** What an enrolment writes. */
export type NewDevice = typeof devices.$inferInsert;
/** What a message of a device changes. */
export type DeviceChange = Partial<
  Pick<
    DeviceRow,
    | 'lastSeenAt'
    | 'isOnline'
    | 'session'
    | 'instance'
    | 'agentVersion'
    | 'agent'
    | 'lines'
    | 'problems'
    | 'reportedVersion'
    | 'followedRoot'
    | 'conflictAt'
  >
>;

/** A connected device as a round looks at it. */
export type OnlineDevice = Pick<DeviceRow, 'device' | 'deviceGroup' | 'session' | 'lines'>;

/** Built once: building it takes the controller longer than sending it, and each download asks. */
const credentialQuery = (database: Database) =>
  database
    .select({ hash: devices.credentialHash, revokedAt: devices.revokedAt, tlsKey: devices.tlsKey })
    .from(devices)
    .where(eq(devices.device, sql.placeholder('device')))
    .prepare('device_credential');

/** Devices in the database. */
@Injectable()
export class DevicesRepository {
  readonly #credential;

  constructor(@Inject(DATABASE) private readonly database: Database) {
    this.#credential = credentialQuery(database);
  }

  /** All devices by name. */
  all(): Promise<DeviceRow[]> {
    return this.database.select().from(devices).orderBy(asc(devices.device));
  }

  /** Devices of a group. */
  inGroup(group: GroupId): Promise<DeviceRow[]> {
    return this.database
      .select()
      .from(devices)
      .where(eq(devices.deviceGroup, group))
      .orderBy(asc(devices.device));
  }

  /** One device. */
  async one(device: DeviceId, queries: Queries = this.database): Promise<DeviceRow | undefined> {
    const [row] = await queries.select().from(devices).where(eq(devices.device, device));
    return row;
  }

  /** What access needs of a device, and no more: it is asked at each connection and download. */
  async credentialOf(device: DeviceId) {
    const [row] = await this.#credential.execute({ device });
    return row;
  }

  /** Adds a device; fails with a duplicate when its name is taken. */
  async add(queries: Queries, row: NewDevice): Promise<void> {
    await queries.insert(devices).values(row);
  }

  /** Gives a device a new credential, and certificates for another key. */
  async setAccess(device: DeviceId, access: Pick<DeviceRow, 'credentialHash' | 'tlsKey'>): Promise<void> {
    await this.database.update(devices).set(access).where(eq(devices.device, device));
  }

  /**
   * Gives a name to another key, alive again if it was revoked. What the old hardware has said of itself is forgotten:
   * the new one counts its sessions from the beginning.
   */
  async replace(
    queries: Queries,
    device: DeviceId,
    access: Pick<DeviceRow, 'publicKey' | 'credentialHash' | 'tlsKey'>,
  ): Promise<void> {
    const unsaid = {
      session: 0,
      instance: null,
      agentVersion: null,
      agent: null,
      beat: null,
      beatAt: null,
      conflictAt: null,
    };
    const fresh = { isOnline: false, revokedAt: null, lines: {}, problems: [], reportedVersion: 0 };
    await queries
      .update(devices)
      .set({ ...access, ...unsaid, ...fresh })
      .where(eq(devices.device, device));
  }

  /** Takes all rights of a device. */
  async revoke(device: DeviceId, revokedAt: number): Promise<void> {
    await this.database
      .update(devices)
      .set({
        revokedAt,
        credentialHash: null,
        tlsKey: null,
        isOnline: false,
        desired: null,
        desiredState: null,
      })
      .where(eq(devices.device, device));
  }

  /** Sets the tags of a device. */
  async tag(device: DeviceId, tags: DeviceTags): Promise<void> {
    await this.database.update(devices).set({ tags }).where(eq(devices.device, device));
  }

  /** Puts a device into a group. */
  async move(device: DeviceId, deviceGroup: GroupId): Promise<void> {
    await this.database.update(devices).set({ deviceGroup }).where(eq(devices.device, device));
  }

  /** Notes what a message said, if the one who heard it still holds the device's shard. */
  async change(device: DeviceId, change: DeviceChange, lease: HeldLease): Promise<void> {
    await this.database
      .update(devices)
      .set(change)
      .where(and(eq(devices.device, device), isStill(lease)));
  }

  /** Stores next desired states of different devices; those whose was stored: no other controller was quicker, and they are not revoked. */
  async setDesired(
    next: readonly { readonly state: DesiredState; readonly desired: Desired }[],
  ): Promise<Set<DeviceId>> {
    if (next.length === 0) return new Set();
    const rows = await rowsOf<{ device: DeviceId }>(
      this.database,
      sql`update ${devices} as own
        set desired_version = (given.state ->> 'version')::integer, desired_state = given.state, desired = given.desired
        from jsonb_to_recordset(${JSON.stringify(next)}::jsonb) as given(state jsonb, desired jsonb)
        where own.device = given.state ->> 'device' and own.revoked_at is null
          and own.desired_version = (given.state ->> 'version')::integer - 1
        returning own.device`,
    );
    return new Set(rows.map(({ device }) => device));
  }

  /** Nobody of some shards is connected, whatever the rows say: their broker has begun anew. */
  async shardsOffline(shards: readonly Shard[]): Promise<void> {
    const online = await this.database
      .select({ device: devices.device })
      .from(devices)
      .where(eq(devices.isOnline, true));
    const names = online.map(({ device }) => device).filter((device) => shards.includes(shardOf(device)));
    if (names.length === 0) return;
    await this.database.update(devices).set({ isOnline: false }).where(inArray(devices.device, names));
  }

  /** Connected devices by name, with what a round looks at. */
  online(): Promise<OnlineDevice[]> {
    const { device, deviceGroup, isOnline, lines, revokedAt, session } = devices;
    return this.database
      .select({ device, deviceGroup, session, lines })
      .from(devices)
      .where(and(eq(isOnline, true), isNull(revokedAt)))
      .orderBy(asc(device));
  }

  /** Counts for the fleet's figures. */
  async counts(): Promise<{ total: number; online: number; revoked: number }> {
    const [row] = await rowsOf<Record<'total' | 'online' | 'revoked', number | string>>(
      this.database,
      sql`select count(*) as total, count(*) filter (where is_online) as online,
        count(*) filter (where revoked_at is not null) as revoked from ${devices}`,
    );
    return {
      total: Number(row?.total ?? 0),
      online: Number(row?.online ?? 0),
      revoked: Number(row?.revoked ?? 0),
    };
  }

  /** Policies of each group that has a row. */
  async policies(): Promise<Map<GroupId, GroupPolicies>> {
    const rows = await this.database.select().from(groups);
    return new Map(rows.map(({ name, ...policies }) => [name, policies]));
  }

  /** Sets one or more policies of a group; the others stay as they are. */
  async setPolicies(name: GroupId, changed: Partial<GroupPolicies>): Promise<void> {
    await this.database
      .insert(groups)
      .values({ name, ...DEFAULT_POLICIES, ...changed })
      .onConflictDoUpdate({ target: groups.name, set: changed });
  }

  /** How many devices each group has, revoked ones not counted. */
  async groupSizes(): Promise<Map<GroupId, number>> {
    const rows = await rowsOf<{ name: GroupId; size: number | string }>(
      this.database,
      sql`select device_group as name, count(*) as size from ${devices}
        where revoked_at is null group by device_group`,
    );
    return new Map(rows.map(({ name, size }) => [name, Number(size)]));
  }

  /** Rows of some devices. */
  some(names: readonly DeviceId[]): Promise<DeviceRow[]> {
    return this.database
      .select()
      .from(devices)
      .where(inArray(devices.device, [...names]));
  }
}
