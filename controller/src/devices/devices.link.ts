/**
 * Presence and state as devices tell it: birth, death, reported, beat. In order per device. Beats are kept in memory,
 * the newest per device, and written together. A revoked device is not listened to.
 */

import { BEAT_INTERVAL_MS, type Beat, type DeviceId, type Message, wholeBeat } from '@nanofleet/protocol';
import { type CancelTimer, type Clock, type Log, pause } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { isDatabaseGone } from '../db/database.ts';
import { type BeatRow, BeatsRepository } from '../history/beats.repository.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { JobsDriver } from '../jobs/jobs.driver.ts';
import { Link } from '../link/link.ts';
import { Series } from '../link/series.ts';
import { OffloadService } from '../offload/offload.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import type { HeldLease } from '../shards/shards.repository.ts';
import { ShardsService } from '../shards/shards.service.ts';
import { DesiredService } from './desired.service.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';
import { afterBirth, afterDeath } from './presence.machine.ts';
import { ReportsService } from './reports.service.ts';

const BEATS_EVERY_MS = BEAT_INTERVAL_MS / 5;
/** Messages of one device that wait for the database; its session ends beyond. */
const PENDING_MAX = 64;
const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2_000;

/** Takes what devices say about themselves. */
@Injectable()
export class DevicesLink implements OnModuleInit, OnModuleDestroy {
  readonly #series = new Series<DeviceId>();
  #beats = new Map<DeviceId, BeatRow>();
  /** The newest beat of each device: the next one may leave out what is in it. */
  readonly #newest = new Map<DeviceId, Beat>();
  #cancel: CancelTimer = () => undefined;
  #isClosed = false;

  constructor(
    private readonly link: Link,
    private readonly repository: DevicesRepository,
    private readonly desired: DesiredService,
    private readonly offload: OffloadService,
    private readonly beats: BeatsRepository,
    private readonly reports: ReportsService,
    private readonly timeline: TimelineService,
    private readonly shards: ShardsService,
    private readonly jobs: JobsDriver,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Registers the takers. */
  onModuleInit(): void {
    this.link.onFresh((shards) => this.#persistently(() => this.repository.shardsOffline(shards)));
    this.link.on('birth', (message) => this.#inOrder(message, () => this.#birth(message)));
    this.link.on('death', (message) => this.#inOrder(message, () => this.#death(message)));
    this.link.on('reported', (message) => this.#inOrder(message, () => this.#reported(message)));
    this.link.on('beat', (message) => this.#beat(message));
    // Another controller has heard these devices since: what it knows is in the database.
    this.shards.onTaken(() => this.#newest.clear());
    this.#storeLater();
  }

  /** Stops writing beats. */
  onModuleDestroy(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  /** Runs work on a message after the earlier ones of its device; a database that is gone is waited for. */
  #inOrder({ device }: Message, work: () => Promise<void>): Promise<void> {
    if (this.#series.pending(device) >= PENDING_MAX) {
      // It comes back with a birth and its whole state: nothing is lost by forgetting this.
      this.link.drop(device);
      return Promise.resolve();
    }
    return this.#series.run(device, () => this.#persistently(work));
  }

  async #persistently(work: () => Promise<void>): Promise<void> {
    for (let waitMs = RETRY_FIRST_MS; !this.#isClosed; waitMs = Math.min(waitMs * 2, RETRY_LONGEST_MS)) {
      try {
        return await work();
      } catch (thrown) {
        // At the end the database closes under what is left; the next start asks the devices again.
        if (this.#isClosed) return;
        if (!isDatabaseGone(thrown)) throw thrown;
        await pause(this.clock, waitMs);
      }
    }
  }

  /** The row of a device that may be listened to, with the lease under which it is. */
  async #living(device: DeviceId): Promise<{ row: DeviceRow; lease: HeldLease } | undefined> {
    const lease = this.shards.leaseOf(device);
    if (lease === null) return undefined;
    const row = await this.repository.one(device);
    return row?.revokedAt === null ? { row, lease } : undefined;
  }

  async #birth({ device, body }: Message<'birth'>): Promise<void> {
    const living = await this.#living(device);
    if (living === undefined) return;
    const { isConflict, ...presence } = afterBirth(living.row, body);
    const lastSeenAt = this.clock.unixMs();
    const change = {
      ...presence,
      lastSeenAt,
      agentVersion: body.agentVersion,
      // Without a plan so far, as after a restore: what it runs counts before its first report.
      ...(living.row.desiredState === null ? { lines: runningLines(body.lines) } : {}),
      ...(isConflict ? { conflictAt: lastSeenAt } : {}),
    };
    await this.repository.change(device, change, living.lease);
    this.log.info('a device is there', { device, session: body.session });
    const key = `${device} ${body.instance} ${body.session}`;
    this.timeline.note({ kind: 'device-online', key, device, detail: body.agentVersion });
    this.desired.born(device, body.desiredVersion);
    this.jobs.born(device);
    await this.offload.resend(device, body.awaiting);
  }

  async #death({ device, body }: Message<'death'>): Promise<void> {
    const living = await this.#living(device);
    if (living === undefined || afterDeath(living.row, body).isOnline === living.row.isOnline) return;
    const change = { isOnline: false, lastSeenAt: this.clock.unixMs() };
    await this.repository.change(device, change, living.lease);
    this.log.info('a device is gone', { device, reason: body.reason });
    const key = `${device} ${body.instance} ${body.session}`;
    this.timeline.note({ kind: 'device-offline', key, device, detail: body.reason });
  }

  async #reported(message: Message<'reported'>): Promise<void> {
    const taken = this.reports.take(message);
    // It says all of it again with its next birth.
    if (taken === null) this.link.drop(message.device);
    await taken;
  }

  async #beat({ device, body }: Message<'beat'>): Promise<void> {
    const beatAt = this.clock.unixMs();
    const known = this.#newest.get(device) ?? null;
    // After a start the database may know the one before; without it the device's next whole beat says all.
    const beat = wholeBeat(body, known) ?? wholeBeat(body, await this.beats.newest(device));
    if (beat === null) return;
    this.#newest.set(device, beat);
    this.#beats.set(device, { device, beat, beatAt });
  }

  #storeLater(): void {
    this.#cancel = this.clock.after(BEATS_EVERY_MS, () => {
      void this.#storeBeats().finally(() => {
        if (!this.#isClosed) this.#storeLater();
      });
    });
  }

  async #storeBeats(): Promise<void> {
    if (this.#beats.size === 0) return;
    const beats = this.#beats;
    this.#beats = new Map();
    try {
      await this.beats.store([...beats.values()]);
    } catch (thrown) {
      this.log.warn('beats wait for the database', { devices: beats.size, ...factsOf(thrown) });
      // Newer ones that came meanwhile win.
      this.#beats = new Map([...beats, ...this.#beats]);
    }
  }
}

const runningLines = (lines: Message<'birth'>['body']['lines']): DeviceRow['lines'] =>
  Object.fromEntries(
    Object.entries(lines).map(([line, running]) => [line, { running, step: 'settled' as const }]),
  );
