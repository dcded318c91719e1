/**
 * Rules of rollouts: making one, and how far it has come. A rollout for the controller is its own mini tier, loaded
 * before it counts; for devices it changes what is desired. Never talks to a device.
 */

import {
  type ApiAnswer,
  type ApiRequest,
  type Digest,
  NanofleetError,
  type RolloutOrder,
  type RolloutPlan,
  type Uuid,
} from '@nanofleet/protocol';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { isWhole } from '../devices/desired.plan.ts';
import { DesiredService } from '../devices/desired.service.ts';
import { DevicesRepository } from '../devices/devices.repository.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { ModelsService } from '../models/models.service.ts';
import { MiniTier } from '../offload/mini-tier.ts';
import { CLOCK } from '../ports/clock.ts';
import { RANDOM } from '../ports/random.ts';
import { TrustService } from '../trust/trust.service.ts';
import { formerOf } from './members.plan.ts';
import { checkPlan } from './plan-check.ts';
import { courseOf, stateOf } from './rollout-rows.ts';
import { targetColumns, targetOf } from './rollout-target.ts';
import { RolloutsDriver } from './rollouts.driver.ts';
import { newRollout, type RolloutState } from './rollouts.machine.ts';
import {
  type CandidateDevice,
  countsOf,
  devicesOf,
  isSuperseded,
  progressOf,
  stagedProgressOf,
  stagedStatusOf,
  statusOf,
  wavesOf,
} from './rollouts.plan.ts';
import { type MemberRow, type RolloutRow, RolloutsRepository } from './rollouts.repository.ts';

type Shown = ApiAnswer<'rollout'>;

interface World {
  readonly latest: readonly RolloutRow[];
  readonly devices: readonly CandidateDevice[];
}

/** Rollouts. */
@Injectable()
export class RolloutsService {
  constructor(
    private readonly repository: RolloutsRepository,
    private readonly driver: RolloutsDriver,
    private readonly models: ModelsService,
    private readonly devices: DevicesRepository,
    private readonly desired: DesiredService,
    private readonly mini: MiniTier,
    private readonly timeline: TimelineService,
    private readonly trust: TrustService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Makes a bundle the desired one of its line for a target: of all at once, or in waves.
   * @throws NanofleetError MODEL_UNKNOWN, TARGET_UNKNOWN, ROLLOUT_PLAN_INVALID; for the controller also why its mini tier does not take
   * the bundle
   */
  async make({ digest, plan, target }: ApiRequest<'makeRollout'>['body']): Promise<Shown> {
    const { line, version } = await this.models.known(digest);
    await this.trust.requireReleased('model', digest);
    if (plan !== undefined) checkPlan(plan, target);
    if ('controller' in target) await this.mini.load(digest);
    const createdAt = this.clock.unixMs();
    const row = await this.repository.add({
      id: newId(this.clock, this.random),
      line,
      digest,
      version,
      ...targetColumns(target),
      createdAt,
      ...planColumns(digest, { plan, createdAt }),
    });
    this.#note(row);
    if (plan !== undefined) this.driver.look();
    else if (row.targetKind !== 'controller') await this.desired.refresh(row.targetGroup);
    return this.show(row.id);
  }

  /** Gives an order to a rollout in waves; @throws NanofleetError ROLLOUT_UNKNOWN, ROLLOUT_ORDER_REFUSED */
  async order(id: Uuid, order: RolloutOrder): Promise<Shown> {
    await this.driver.order(id, order);
    return this.show(id);
  }

  /** The newest rollouts. */
  async list(limit: number): Promise<Shown[]> {
    const [rows, world] = await Promise.all([this.repository.newest(limit), this.#world()]);
    const members = await this.repository.membersOf(rows.filter(isStaged).map(({ id }) => id));
    return rows.map((row) =>
      this.#shown(
        { ...row, gate: null },
        { ...world, members: members.filter(({ rollout }) => rollout === row.id) },
      ),
    );
  }

  /** One rollout; @throws NanofleetError ROLLOUT_UNKNOWN */
  async show(id: Uuid): Promise<Shown> {
    const row = await this.repository.one(id);
    if (row === undefined) throw new NanofleetError('ROLLOUT_UNKNOWN', `No rollout has the id ${id}.`);
    const members = isStaged(row) ? await this.repository.membersOf([id]) : [];
    return this.#shown(row, { ...(await this.#world()), members });
  }

  #note({ id, line, digest, plan, version, targetGroup, targetKind }: RolloutRow): void {
    const waves = plan === null ? '' : ' in waves';
    this.timeline.note({
      kind: 'rollout-made',
      key: id,
      subject: id,
      line,
      digest,
      detail: `${version} to ${targetKind === 'group' ? targetGroup : targetKind}${waves}`,
      ...(targetGroup === null ? {} : { group: targetGroup }),
    });
  }

  async #world(): Promise<World> {
    const [latest, rows] = await Promise.all([this.repository.latest(), this.devices.all()]);
    const devices = rows
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ device, deviceGroup: group, isOnline, lines, tags }) => ({
        device,
        group,
        tags,
        isOnline,
        lines,
      }));
    return { latest, devices };
  }

  #shown(row: RolloutRow, world: World & { members: readonly MemberRow[] }): Shown {
    const state = stateOf(row, world.members);
    return state === null ? this.#shownWhole(row, world) : shownStaged(row, { state, world });
  }

  #shownWhole(row: RolloutRow, world: World): Shown {
    const { createdAt, digest, id, line, version } = row;
    const isOver = isSuperseded(row, world.latest);
    const devices =
      isOver || row.targetKind === 'controller'
        ? []
        : devicesOf(row, world).map((device) => progressOf(device, row));
    const counts = row.targetKind === 'controller' ? this.#controllerCounts(row) : countsOf(devices);
    const status = isOver ? 'superseded' : statusOf(counts);
    return {
      id,
      line,
      digest,
      version,
      createdAt,
      target: targetOf(row),
      status,
      course: null,
      counts,
      devices,
    };
  }

  #controllerCounts({ digest }: RolloutRow) {
    const running = this.mini.digest === digest ? 1 : 0;
    return { total: 1, running, pending: 1 - running, refused: 0, offline: 0 };
  }
}

const isStaged = ({ plan }: RolloutRow): boolean => plan !== null;

const shownStaged = (row: RolloutRow, { state, world }: { state: RolloutState; world: World }): Shown => {
  const { createdAt, digest, id, line, version } = row;
  const { finishedAt, members, phase, plan, reason, startedAt, wave, waveAt } = state;
  const known = new Map(world.devices.map((device) => [device.device, device]));
  const devices = [...members.values()]
    .map((member) => stagedProgressOf(member, known.get(member.device), row))
    .sort((left, right) => (left.device < right.device ? -1 : 1));
  return {
    id,
    line,
    digest,
    version,
    createdAt,
    target: targetOf(row),
    status: isWhole(row) && isSuperseded(row, world.latest) ? 'superseded' : stagedStatusOf(phase),
    course: {
      plan,
      phase,
      wave,
      waves: wavesOf(state),
      former: formerOf(members.values()),
      startedAt,
      waveAt,
      finishedAt,
      reason,
      gate: row.gate,
    },
    counts: countsOf(devices),
    devices,
  };
};

const planColumns = (
  digest: Digest,
  { createdAt, plan }: { plan: RolloutPlan | undefined; createdAt: number },
): Pick<RolloutRow, 'plan' | 'phase' | 'course'> => {
  if (plan === undefined) return { plan: null, phase: null, course: null };
  const state = newRollout(digest, plan, createdAt);
  return { plan, phase: state.phase, course: courseOf(state) };
};
