/**
 * Keeps the desired state of devices what rollouts, groups and policies make of it: plans, counts up on a change only,
 * signs, stores, publishes retained. One change at a time, so that versions grow by one. Never decides who runs what:
 * `desired.plan.ts` does.
 */

import type { Desired, DesiredState, DeviceId, GroupId, LineId, Uuid } from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { agentFor } from '../agents/agents.plan.ts';
import { AgentsRepository } from '../agents/agents.repository.ts';
import { restoredOf } from '../backup/after-restore.ts';
import { DATABASE, type Database } from '../db/database.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { Link } from '../link/link.ts';
import { labelListOf } from '../models/labels.plan.ts';
import { LabelsRepository } from '../models/labels.repository.ts';
import { ModelsRepository } from '../models/models.repository.ts';
import { ModelsService } from '../models/models.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { RolloutsRepository } from '../rollouts/rollouts.repository.ts';
import { Identity } from '../state/identity.ts';
import { TrustService } from '../trust/trust.service.ts';
import {
  isSamePlan,
  type Membership,
  type Plan,
  type PlannedLabels,
  type PlannedRollout,
  planDesired,
} from './desired.plan.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';

/** Rows of devices in memory at once. */
const DEVICES_AT_ONCE = 500;
/** Births that come together are planned together. */
const GATHER_MS = 20;

/** Devices whose turn comes together. */
interface Gathered {
  readonly devices: Set<DeviceId>;
  readonly planned: Promise<void>;
}

/** A desired state, and as it is sent. */
interface Signed {
  readonly state: DesiredState;
  readonly desired: Desired;
}

/** Desired states. */
@Injectable()
export class DesiredService {
  #last: Promise<unknown> = Promise.resolve();
  readonly #born = new Map<DeviceId, number>();
  #next: Gathered | null = null;

  constructor(
    private readonly devices: DevicesRepository,
    private readonly rollouts: RolloutsRepository,
    private readonly models: ModelsRepository,
    private readonly registry: ModelsService,
    private readonly labels: LabelsRepository,
    private readonly agents: AgentsRepository,
    private readonly identity: Identity,
    private readonly link: Link,
    private readonly timeline: TimelineService,
    private readonly metadata: TrustService,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Plans all devices again, or those of a group, and publishes what changed. */
  refresh(group: GroupId | null): Promise<void> {
    return this.#alone(async () => {
      const rows = group === null ? await this.devices.all() : await this.devices.inGroup(group);
      await this.#replan(rows);
    });
  }

  /** Plans one device again, together with all that are asked for before its turn comes. */
  refreshDevice(device: DeviceId): Promise<void> {
    this.#next ??= this.#gather();
    this.#next.devices.add(device);
    return this.#next.planned;
  }

  /** Plans some devices again. */
  refreshDevices(names: readonly DeviceId[]): Promise<void> {
    return this.#alone(async () => {
      for (let at = 0; at < names.length; at += DEVICES_AT_ONCE)
        await this.#replan(await this.devices.some(names.slice(at, at + DEVICES_AT_ONCE)));
    });
  }

  /** A device is there and knows a version: it gets a newer one soon, if there is any. */
  born(device: DeviceId, knownVersion: number): void {
    if (this.#born.size === 0) {
      this.clock.after(GATHER_MS, () => {
        this.#serveBorn().catch((thrown: unknown) =>
          this.log.error('desired states could not be planned', factsOf(thrown)),
        );
      });
    }
    this.#born.set(device, knownVersion);
  }

  /** A hundred devices that enrol at once are planned in a few looks at the registry instead of a hundred. */
  #gather(): Gathered {
    const devices = new Set<DeviceId>();
    const planned = this.#alone(async () => {
      this.#next = null;
      await this.#replan(await this.devices.some([...devices]));
    });
    return { devices, planned };
  }

  #serveBorn(): Promise<void> {
    const born = new Map(this.#born);
    this.#born.clear();
    return this.#alone(async () => {
      const rows = await this.devices.some([...born.keys()]);
      const changed = await this.#replan(rows);
      const behind = rows.filter(
        (row) => !changed.has(row.device) && row.desiredVersion !== born.get(row.device),
      );
      for (const { desired, device } of behind) if (desired !== null) await this.#publish(device, desired);
    });
  }

  async #replan(rows: readonly DeviceRow[]): Promise<Set<DeviceId>> {
    const changed = new Set<DeviceId>();
    const next: Signed[] = [];
    const living = rows.filter((row) => row.revokedAt === null);
    if (living.length === 0) return changed;
    const [rollouts, agents, bundles, policies, sizes, restored, root, hardware] = await Promise.all([
      this.rollouts.latest(),
      this.agents.latest(),
      this.models.plannable(),
      this.devices.policies(),
      this.devices.groupSizes(),
      restoredOf(this.database),
      this.metadata.rootVersion(),
      this.metadata.hardware(),
    ]);
    const labels = await this.#labelsBeyond(rollouts);
    const memberships = await this.#membershipsOf(rollouts, living);
    const { trust } = this.identity;
    for (const row of living) {
      const group = row.deviceGroup;
      const ahead = restored === null ? undefined : { restoredAt: restored.at, running: runningOf(row) };
      const plan = planDesired({
        group,
        tags: row.tags,
        memberships: memberships.get(row.device) ?? new Map(),
        rollouts,
        bundles,
        policies: policies.get(group),
        groupSize: sizes.get(group) ?? 0,
        labels,
        ahead,
        agent: agentFor(agents, group),
        trust,
        root,
        hardware,
      });
      if (isSamePlan(plan, row.desiredState)) continue;
      next.push(this.#sign(row, plan));
      if (ahead !== undefined) this.#noteAhead(row, { plan, bundles });
      changed.add(row.device);
    }
    const overtaken: DeviceId[] = [];
    for (let at = 0; at < next.length; at += DEVICES_AT_ONCE)
      overtaken.push(...(await this.#tell(next.slice(at, at + DEVICES_AT_ONCE))));
    // Another controller was quicker with these: what it planned is looked at again.
    if (overtaken.length > 0) await this.#replan(await this.devices.some(overtaken));
    return changed;
  }

  /** Stores desired states and publishes them; the devices whose was not stored. */
  async #tell(next: readonly Signed[]): Promise<DeviceId[]> {
    const stored = await this.devices.setDesired(next);
    const told = next.filter(({ state }) => stored.has(state.device));
    await Promise.all(told.map(({ desired, state }) => this.#publish(state.device, desired)));
    return next.map(({ state }) => state.device).filter((device) => !stored.has(device));
  }

  /** How devices stand with the rollouts in waves among some. */
  async #membershipsOf(
    rollouts: readonly PlannedRollout[],
    rows: readonly DeviceRow[],
  ): Promise<Map<DeviceId, Map<Uuid, Membership>>> {
    const staged = rollouts.filter(({ phase }) => phase !== null).map(({ id }) => id);
    const members = await this.rollouts.membersOf(staged, { names: rows.map(({ device }) => device) });
    const memberships = new Map<DeviceId, Map<Uuid, Membership>>();
    for (const { device, member, rollout } of members) {
      const own = memberships.get(device) ?? new Map<Uuid, Membership>();
      memberships.set(device, own.set(rollout, member));
    }
    return memberships;
  }

  /** Labels allocated beyond each bundle that a rollout gives to devices. */
  async #labelsBeyond(rollouts: readonly PlannedRollout[]): Promise<Map<string, PlannedLabels>> {
    const allocated = await this.labels.all();
    const beyond = new Map<string, PlannedLabels>();
    for (const { digest, line, targetKind } of rollouts) {
      const own = allocated.filter((label) => label.line === line);
      if (targetKind === 'controller' || own.length === 0) continue;
      try {
        const list = labelListOf(await this.registry.labelsOf(digest), own);
        if (list.added.length > 0) beyond.set(digest, list);
      } catch (thrown) {
        // A manifest that the disk lost costs its line the new labels, not every device its desired state.
        this.log.warn('labels of a bundle are unknown', { digest, ...factsOf(thrown) });
      }
    }
    return beyond;
  }

  /** What a device keeps that the restored registry has never heard of is told once per bundle. */
  #noteAhead(
    { device }: DeviceRow,
    { bundles, plan }: { bundles: ReadonlyMap<string, unknown>; plan: Plan },
  ): void {
    for (const [line, { digest, releaseCounter }] of Object.entries(plan.lines)) {
      if (bundles.has(digest)) continue;
      this.timeline.note({
        kind: 'device-ahead',
        key: `${device} ${digest}`,
        device,
        line: line as LineId,
        digest,
        detail: `release ${releaseCounter}; push that bundle again`,
      });
    }
  }

  #sign(row: DeviceRow, plan: Plan): Signed {
    const state: DesiredState = {
      fleet: this.identity.fleet,
      device: row.device,
      version: row.desiredVersion + 1,
      ...plan,
      issuedAt: this.clock.unixMs(),
    };
    const signed = JSON.stringify(state);
    return { state, desired: { signed, signature: this.identity.sign(signed), keyId: this.identity.keyId } };
  }

  async #publish(device: DeviceId, desired: Desired): Promise<void> {
    await this.link.send(device, { kind: 'desired', body: desired }, { isRetained: true });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

const runningOf = ({ lines }: DeviceRow) =>
  Object.fromEntries(
    Object.entries(lines).flatMap(([line, { running }]) => (running === null ? [] : [[line, running]])),
  );
