/**
 * Rules of rollouts: making one, and how far it has come. A rollout for the controller is its own mini tier, loaded
 * before it counts; for devices it changes what is desired. Never talks to a device.
 */

import { type ApiAnswer, type ApiRequest, NanofleetError, type Uuid } from '@nanofleet/protocol';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { DesiredService } from '../devices/desired.service.ts';
import { DevicesRepository } from '../devices/devices.repository.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { ModelsService } from '../models/models.service.ts';
import { MiniTier } from '../offload/mini-tier.ts';
import { CLOCK } from '../ports/clock.ts';
import { RANDOM } from '../ports/random.ts';
import {
  type CandidateDevice,
  countsOf,
  devicesOf,
  isSuperseded,
  progressOf,
  statusOf,
} from './rollouts.plan.ts';
import { type RolloutRow, RolloutsRepository } from './rollouts.repository.ts';

type Target = ApiRequest<'makeRollout'>['body']['target'];
type Shown = ApiAnswer<'rollout'>;

/** Rollouts. */
@Injectable()
export class RolloutsService {
  constructor(
    private readonly repository: RolloutsRepository,
    private readonly models: ModelsService,
    private readonly devices: DevicesRepository,
    private readonly desired: DesiredService,
    private readonly mini: MiniTier,
    private readonly timeline: TimelineService,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Makes a bundle the desired one of its line for a target.
   * @throws NanofleetError MODEL_UNKNOWN; for the controller also why its mini tier does not take the bundle
   */
  async make({ digest, target }: ApiRequest<'makeRollout'>['body']): Promise<Shown> {
    const { line, version } = await this.models.known(digest);
    if ('controller' in target) await this.mini.load(digest);
    const row = await this.repository.add({
      id: newId(this.clock, this.random),
      line,
      digest,
      version,
      ...targetColumns(target),
      createdAt: this.clock.unixMs(),
    });
    this.#note(row);
    if (row.targetKind !== 'controller') await this.desired.refresh(row.targetGroup);
    return this.#shown(row, await this.#world());
  }

  /** The newest rollouts. */
  async list(limit: number): Promise<Shown[]> {
    const [rows, world] = await Promise.all([this.repository.newest(limit), this.#world()]);
    return rows.map((row) => this.#shown(row, world));
  }

  /** One rollout; @throws NanofleetError ROLLOUT_UNKNOWN */
  async show(id: Uuid): Promise<Shown> {
    const row = await this.repository.one(id);
    if (row === undefined) throw new NanofleetError('ROLLOUT_UNKNOWN', `No rollout has the id ${id}.`);
    return this.#shown(row, await this.#world());
  }

  #note({ id, line, digest, version, targetGroup, targetKind }: RolloutRow): void {
    this.timeline.note({
      kind: 'rollout-made',
      key: id,
      subject: id,
      line,
      digest,
      detail: `${version} to ${targetKind === 'group' ? targetGroup : targetKind}`,
      ...(targetGroup === null ? {} : { group: targetGroup }),
    });
  }

  async #world(): Promise<{ latest: RolloutRow[]; devices: CandidateDevice[] }> {
    const [latest, rows] = await Promise.all([this.repository.latest(), this.devices.all()]);
    const devices = rows
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ device, deviceGroup: group, isOnline, lines }) => ({ device, group, isOnline, lines }));
    return { latest, devices };
  }

  #shown(row: RolloutRow, world: { latest: RolloutRow[]; devices: CandidateDevice[] }): Shown {
    const { createdAt, digest, id, line, version } = row;
    const isOver = isSuperseded(row, world.latest);
    const devices =
      isOver || row.targetKind === 'controller'
        ? []
        : devicesOf(row, world).map((device) => progressOf(device, row));
    const counts = row.targetKind === 'controller' ? this.#controllerCounts(row) : countsOf(devices);
    const status = isOver ? 'superseded' : statusOf(counts);
    return { id, line, digest, version, createdAt, target: targetOf(row), status, counts, devices };
  }

  #controllerCounts({ digest }: RolloutRow) {
    const running = this.mini.digest === digest ? 1 : 0;
    return { total: 1, running, pending: 1 - running, refused: 0, offline: 0 };
  }
}

const targetColumns = (target: Target): Pick<RolloutRow, 'targetKind' | 'targetGroup'> => {
  if ('group' in target) return { targetKind: 'group', targetGroup: target.group };
  return { targetKind: 'all' in target ? 'all' : 'controller', targetGroup: null };
};

const targetOf = ({ targetGroup, targetKind }: RolloutRow): Target => {
  if (targetKind === 'group' && targetGroup !== null) return { group: targetGroup };
  return targetKind === 'controller' ? { controller: true } : { all: true };
};
