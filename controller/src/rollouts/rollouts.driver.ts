/**
 * Looks after rollouts in waves: shows the machine what devices do, stores what it makes of that, and has the devices
 * told whose turn has come or gone. A step is stored before its effect, and what devices are to be told is found anew
 * at each look from what they were told, so that a controller that dies anywhere is followed by the next one. Of several
 * controllers on one database one looks after a rollout; steps lock its row. Decides nothing: `rollouts.machine.ts` does.
 */
import {
  type DeviceId,
  type GateView,
  NanofleetError,
  type RolloutOrder,
  type Uuid,
} from '@nanofleet/protocol';
import type { CancelTimer, Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { isMeantFor, isWatched } from '../devices/desired.plan.ts';
import { DesiredService } from '../devices/desired.service.ts';
import { ReportsService } from '../devices/reports.service.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { Identity } from '../state/identity.ts';
import { GateService } from './gate.service.ts';
import { type Member, wasGiven } from './members.plan.ts';
import { Outstanding } from './outstanding.ts';
import { courseOf, stateOf } from './rollout-rows.ts';
import { isEnded, type RolloutEvent, type RolloutState, step, takes } from './rollouts.machine.ts';
import { isSuperseded, sightingOf } from './rollouts.plan.ts';
import { type MemberRow, type RolloutRow, RolloutsRepository } from './rollouts.repository.ts';

/** How often open rollouts are looked at, unless their fleet is great: so many devices a second are looked at. */
const LOOK_EVERY_MS = 1_000;
const LOOKED_AT_PER_S = 250;
const LOOK_LATEST_MS = 10_000;
/** How often it is asked whether another controller has begun one. */
const ASK_EVERY_MS = 10_000;
/** How long a controller that says nothing keeps a rollout. */
const CLAIM_MS = 8_000;

type Seen = Awaited<ReturnType<RolloutsRepository['sightings']>>;

/** Drives rollouts in waves. */
@Injectable()
export class RolloutsDriver implements OnModuleDestroy {
  #cancel: CancelTimer = () => undefined;
  #looking: Promise<void> | null = null;
  #isAskedAgain = false;
  readonly #outstanding = new Outstanding();
  #mode: 'before' | 'on' | 'closed' = 'before';

  constructor(
    private readonly repository: RolloutsRepository,
    private readonly gates: GateService,
    private readonly desired: DesiredService,
    private readonly reports: ReportsService,
    private readonly timeline: TimelineService,
    private readonly identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Takes up what an earlier process left, and goes on looking. */
  resume(): void {
    this.#mode = 'on';
    this.reports.follow((changes) => {
      if (this.#outstanding.heard(changes)) this.look();
    });
    this.look();
  }

  /** Looks at all open rollouts soon. */
  look(): void {
    if (this.#mode !== 'on') return;
    this.#isAskedAgain = this.#looking !== null;
    if (this.#looking !== null) return;
    this.#cancel();
    this.#looking = this.#lookOnce()
      .catch((thrown: unknown) => {
        this.log.warn('rollouts could not be looked at', factsOf(thrown));
        return LOOK_EVERY_MS;
      })
      .then((waitMs) => {
        this.#looking = null;
        if (this.#mode !== 'on') return;
        if (this.#isAskedAgain) this.look();
        else this.#cancel = this.clock.after(waitMs, () => this.look());
      });
  }

  /** Ends looking. */
  async onModuleDestroy(): Promise<void> {
    this.#mode = 'closed';
    this.#cancel();
    await this.#looking;
  }

  /**
   * Gives an order to a rollout.
   * @throws NanofleetError ROLLOUT_UNKNOWN, ROLLOUT_ORDER_REFUSED
   */
  async order(id: Uuid, order: RolloutOrder): Promise<void> {
    const row = await this.repository.one(id);
    if (row === undefined) throw new NanofleetError('ROLLOUT_UNKNOWN', `No rollout has the id ${id}.`);
    const state = await this.#step(id, (before) => {
      if (!takes(before, order)) throw refusedOrder(before, order);
      return { kind: order, at: this.clock.unixMs() };
    });
    // Nobody looks at one that has ended: its devices hear now that they compare no more.
    if (state !== null && isEnded(state)) await this.#tell(state, await this.#seen(row));
    this.look();
  }

  async #lookOnce(): Promise<number> {
    const open = await this.repository.open();
    let looked = 0;
    for (const row of open) {
      if (this.#mode !== 'on') break;
      looked += await this.#attend(row, open).catch((thrown: unknown) => {
        this.log.warn('a rollout could not be looked after', { rollout: row.id, ...factsOf(thrown) });
        return 0;
      });
    }
    this.#outstanding.keep(new Set(open.map(({ id }) => id)));
    if (open.length === 0) return ASK_EVERY_MS;
    return Math.min(Math.max(LOOK_EVERY_MS, (looked / LOOKED_AT_PER_S) * 1_000), LOOK_LATEST_MS);
  }

  /** Has one rollout go on; how many devices were looked at for it. */
  async #attend(row: RolloutRow, open: readonly RolloutRow[]): Promise<number> {
    const nowMs = this.clock.unixMs();
    const claim = { owner: this.identity.controllerId, nowMs, untilMs: nowMs + CLAIM_MS };
    if (!(await this.repository.claim(row.id, claim))) return 0;
    const latest = await this.repository.latest();
    if (isSuperseded(row, latest)) await this.#step(row.id, () => ({ kind: 'supersede', at: nowMs }));
    this.#outstanding.looking();
    const seen = await this.#seen(row);
    const busy = await this.#busy(row, open);
    const gate = row.plan?.gate === undefined ? null : await this.#gateOf(row);
    const state = await this.#step(row.id, ({ plan, wave }) => ({
      kind: 'looked',
      at: nowMs,
      devices: seen.map((device) =>
        sightingOf(device, { isBusy: busy.has(device.device), timeZone: plan.timeZone }),
      ),
      // The verdict is on a wave; another controller may have gone on meanwhile.
      gate: gate === null || gate.wave !== wave ? null : gate,
    }));
    if (state === null) return seen.length;
    if (this.#outstanding.expect(row.id, state, row.line)) this.look();
    await this.#tell(state, seen);
    return seen.length;
  }

  /** What its gate says; null before it has begun to count. */
  async #gateOf(row: RolloutRow): Promise<GateView | null> {
    const members = await this.repository.membersOf([row.id]);
    const state = stateOf(row, members);
    return state === null ? null : this.gates.look(row, { members, state });
  }

  /** The devices that a rollout is for, as they are now. */
  async #seen(row: RolloutRow): Promise<Seen> {
    return (await this.repository.sightings(row.line)).filter((device) => isMeantFor(row, device));
  }

  /** Devices that another rollout is at work on, or that one with a greater claim waits for. */
  async #busy(row: RolloutRow, open: readonly RolloutRow[]): Promise<Set<DeviceId>> {
    const others = open.filter(({ id, plan }) => id !== row.id && plan !== null);
    const greater = new Set(
      others
        .filter(({ phase, plan }) => phase === 'running' && (plan?.priority ?? 0) > (row.plan?.priority ?? 0))
        .map(({ id }) => id),
    );
    const members = await this.repository.membersOf(others.map(({ id }) => id));
    const isBusy = ({ rollout, step: where }: MemberRow): boolean =>
      where === 'exposed' || where === 'back' || (where === 'waiting' && greater.has(rollout));
    return new Set(members.filter(isBusy).map(({ device }) => device));
  }

  /** Has those told who have been told something else than they should. */
  async #tell(state: RolloutState, seen: Seen): Promise<void> {
    const { digest, members, phase } = state;
    const wrong = seen.filter(({ attempt, comparedWith, desired, device }) => {
      const member = members.get(device);
      if (member === undefined) return false;
      const shouldHave = phase === 'done' || wasGiven(member);
      if (!shouldHave) return desired === digest && member.step !== 'waiting';
      if (desired !== digest || (comparedWith !== null && !isWatched(state))) return true;
      return member.tries > 1 && Number(attempt ?? 1) !== member.tries;
    });
    if (wrong.length > 0) await this.desired.refreshDevices(wrong.map(({ device }) => device));
  }

  /** Steps a rollout by an event, while nobody else does; what it has come to. */
  async #step(id: Uuid, event: (state: RolloutState) => RolloutEvent): Promise<RolloutState | null> {
    const change = await this.repository.change(id, async (row, queries) => {
      const before = stateOf(row, await this.repository.membersOf([id], { queries }));
      if (before === null) return null;
      const after = step(before, event(before));
      await this.repository.set(queries, id, { phase: after.phase, course: courseOf(after) });
      const changed = [...after.members.values()].filter(
        (member) => !isSame(member, before.members.get(member.device)),
      );
      await this.repository.setMembers(queries, id, changed);
      const gone = [...before.members.keys()].filter((device) => !after.members.has(device));
      await this.repository.dropMembers(queries, id, gone);
      return { row, before, after };
    });
    if (change === null) return null;
    this.#note(change.row, change);
    return change.after;
  }

  #note(row: RolloutRow, { after, before }: { before: RolloutState; after: RolloutState }): void {
    if (before.phase === after.phase && before.wave === after.wave) return;
    const { digest, id, line, version } = row;
    const facts = { subject: id, line, digest };
    this.log.info('a rollout goes on', { rollout: id, phase: after.phase, wave: after.wave });
    const at = after.reason === null ? '' : `: ${after.reason.message}`;
    this.timeline.note({
      kind: after.phase === before.phase ? 'rollout-wave' : 'rollout-phase',
      key: `${id} ${after.phase} ${after.wave} ${this.clock.unixMs()}`,
      ...facts,
      ...(after.reason === null ? {} : { code: after.reason.code }),
      detail: `${version} ${after.phase}, wave ${after.wave + 1}${at}`,
    });
    this.look();
  }
}

const isSame = (member: Member, before: Member | undefined): boolean =>
  member === before || JSON.stringify(member) === JSON.stringify(before);

const refusedOrder = ({ phase }: RolloutState, order: RolloutOrder): NanofleetError =>
  new NanofleetError('ROLLOUT_ORDER_REFUSED', `The rollout is ${phase}; it cannot ${order} now.`, {
    facts: { phase },
  });
