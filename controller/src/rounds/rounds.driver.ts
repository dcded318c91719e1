/**
 * Drives rounds from one state to the next: asks devices, watches the deadline, lets average and candidate be made, tells
 * how it ended. Every step is stored before its effect, and every effect may happen twice, so that a controller that dies
 * anywhere is followed by the next one. Of several controllers on one database one drives a round. Never decides itself:
 * `rounds.machine.ts` and `rounds.plan.ts` do.
 */
import { type DeviceId, type RoundResult, toNanofleetError, type Uuid } from '@nanofleet/protocol';
import { type CancelTimer, type Clock, type Log, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { isDatabaseGone } from '../db/database.ts';
import { DevicesRepository, type OnlineDevice } from '../devices/devices.repository.ts';
import { endHappenings } from '../history/round.plan.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { Link } from '../link/link.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { RANDOM } from '../ports/random.ts';
import { Identity } from '../state/identity.ts';
import { AverageService } from './average.service.ts';
import { CandidateService } from './candidate.service.ts';
import { isEnded, isOpen, recruited, selected, ticked } from './rounds.machine.ts';
import { askedCount, chosenOf, eligible, isReadyToSelect, planOf } from './rounds.plan.ts';
import { type RoundChange, type RoundRow, RoundsRepository } from './rounds.repository.ts';

/** How often rounds are looked at without being told: deadlines, devices that come, updates taken by other controllers. */
const LOOK_EVERY_MS = 500;
/** The same while there is none. */
const ASK_EVERY_MS = 2_000;
/** How long a controller that says nothing keeps a round; another one takes it over within ten seconds. */
const CLAIM_MS = 8_000;

/** Drives rounds. */
@Injectable()
export class RoundsDriver implements OnModuleDestroy {
  readonly #owner: string;
  readonly #driven = new Map<Uuid, Promise<void>>();
  /** Plans that this process has sent, by device and session. */
  readonly #sent = new Map<Uuid, Set<string>>();
  #cancel: CancelTimer = () => undefined;
  #looking: Promise<void> | null = null;
  #isAskedAgain = false;
  #isStarted = false;
  #isClosed = false;
  #close: () => void = () => undefined;
  /** Ends waiting for a broker that is gone: a message that it did not take goes out again at the next start. */
  readonly #closed = new Promise<void>((resolve) => {
    this.#close = resolve;
  });

  constructor(
    private readonly repository: RoundsRepository,
    private readonly averages: AverageService,
    private readonly candidates: CandidateService,
    private readonly devices: DevicesRepository,
    private readonly link: Link,
    private readonly timeline: TimelineService,
    identity: Identity,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
    @Inject(LOG) private readonly log: Log,
  ) {
    // The same after a restart: it takes its rounds up at once.
    this.#owner = identity.controllerId;
  }

  /** Takes up what an earlier process left, and goes on looking. */
  resume(): void {
    this.#isStarted = true;
    this.look();
  }

  /** Looks at all rounds soon; called whenever something may have changed. */
  look(): void {
    if (!this.#isStarted || this.#isClosed) return;
    if (this.#looking !== null) {
      this.#isAskedAgain = true;
      return;
    }
    this.#cancel();
    this.#looking = this.#lookOnce().then((waitMs) => {
      this.#looking = null;
      if (this.#isClosed) return;
      if (this.#isAskedAgain) {
        this.#isAskedAgain = false;
        this.look();
      } else {
        this.#cancel = this.clock.after(waitMs, () => this.look());
      }
    });
  }

  /** Lets go; what was under way is stored, and another process takes it up. */
  async onModuleDestroy(): Promise<void> {
    this.#isClosed = true;
    this.#close();
    this.#cancel();
    await this.#looking;
    await Promise.all(this.#driven.values());
    // Without the database the claims end by themselves.
    await this.repository
      .letGo(this.#owner)
      .catch((thrown: unknown) => this.log.warn('rounds were not let go', factsOf(thrown)));
  }

  /** Looks at those that nobody drives; how long to wait for the next time. */
  async #lookOnce(): Promise<number> {
    try {
      const unfinished = await this.repository.unfinished();
      for (const { id } of unfinished) if (!this.#driven.has(id)) this.#begin(id);
      for (const id of this.#sent.keys()) if (!unfinished.some((row) => row.id === id)) this.#sent.delete(id);
      return unfinished.length === 0 ? ASK_EVERY_MS : LOOK_EVERY_MS;
    } catch (thrown) {
      // The next look asks again.
      this.log.warn('rounds could not be looked at', factsOf(thrown));
      return LOOK_EVERY_MS;
    }
  }

  #begin(id: Uuid): void {
    const driven = this.#drive(id)
      .catch((thrown: unknown) =>
        this.log.warn('a round could not be driven', { round: id, ...factsOf(thrown) }),
      )
      .finally(() => this.#driven.delete(id));
    this.#driven.set(id, driven);
  }

  /** Steps a round as far as it goes now. */
  async #drive(id: Uuid): Promise<void> {
    while (!this.#isClosed) {
      const nowMs = this.clock.unixMs();
      const claim = { owner: this.#owner, nowMs, untilMs: nowMs + CLAIM_MS };
      if (!(await this.repository.claim(id, claim))) return;
      const row = await this.repository.one(id);
      if (row === undefined || row.toldAt !== null || !(await this.#advance(row))) return;
    }
  }

  /** Does what a state asks for; whether the round is in another state then. */
  async #advance(row: RoundRow): Promise<boolean> {
    // What these two do fails with the link only, which comes back.
    if (isOpen(row)) return this.#attend(row);
    if (isEnded(row)) return this.#tell(row);
    try {
      if (row.status === 'planned') return await this.#select(row);
      await (row.status === 'aggregating' ? this.averages.make(row) : this.candidates.make(row));
      return true;
    } catch (thrown) {
      if (this.#isClosed || isDatabaseGone(thrown)) throw thrown;
      return this.#fail(row, thrown);
    }
  }

  async #select(row: RoundRow): Promise<boolean> {
    const nowMs = this.clock.unixMs();
    const online = await this.devices.online();
    const able = eligible(online, { line: row.line, base: row.base, group: row.settings.group });
    const waitedMs = nowMs - row.createdAt;
    if (!isReadyToSelect(able.length, { settings: row.settings, waitedMs })) return false;
    const chosen = chosenOf(able, { draws: able.map(() => this.random.share()), settings: row.settings });
    const deadlineAt = nowMs + row.settings.deadlineS * 1_000;
    return this.#change(row.id, async (current, set) => {
      const next = selected(current, { devices: chosen.length, deadlineAt });
      if (next === current) return;
      await set({ status: next.status, asked: next.asked, deadlineAt }, chosen);
      this.log.info('a round asks its devices', { round: row.id, devices: chosen.length });
    });
  }

  /** Sends plans to whom they are missing, takes further devices in for those that dropped out, watches the time. */
  async #attend(row: RoundRow): Promise<boolean> {
    const [online, members] = await Promise.all([this.devices.online(), this.repository.members(row.id)]);
    const known = new Set(members.map(({ device }) => device));
    const able = eligible(online, { line: row.line, base: row.base, group: row.settings.group });
    const more = able.filter((device) => !known.has(device));
    const missing = askedCount(row.settings) - (row.asked - row.declined - row.rejected);
    const added = more.slice(0, Math.max(0, missing));
    if (added.length > 0) await this.#recruit(row, added);
    const waiting = members.flatMap(({ device, state }) =>
      state === 'asked' || state === 'accepted' ? [device] : [],
    );
    await this.#sendPlans(row, { devices: [...waiting, ...added], online });
    return this.#change(row.id, async (current, set) => {
      const next = ticked(current, this.clock.unixMs());
      if (next === current) return;
      if (next.status === 'failed' && 'code' in next) await set(failure(next, this.clock.unixMs()));
      else await set({ status: next.status });
    });
  }

  async #recruit(row: RoundRow, added: readonly DeviceId[]): Promise<void> {
    await this.#change(row.id, async (current, set) => {
      const next = recruited(current, added.length);
      if (next !== current) await set({ asked: next.asked }, added);
    });
  }

  async #sendPlans(
    row: RoundRow,
    { devices, online }: { devices: readonly DeviceId[]; online: readonly OnlineDevice[] },
  ): Promise<void> {
    const sent = this.#sent.get(row.id) ?? new Set<string>();
    this.#sent.set(row.id, sent);
    const sessions = new Map(online.map(({ device, session }) => [device, session]));
    const remainingMs = Math.max(0, (row.deadlineAt ?? 0) - this.clock.unixMs());
    for (const device of devices) {
      const session = sessions.get(device);
      const key = `${device} ${session}`;
      if (session === undefined || sent.has(key)) continue;
      const plan = { round: row.id, step: 'plan' as const, body: planOf(row) };
      await Promise.race([this.link.sendRound(device, plan, { remainingMs }), this.#closed]);
      if (this.#isClosed) return;
      sent.add(key);
    }
  }

  async #tell(row: RoundRow): Promise<boolean> {
    const { accuracy, candidate, id, updates } = row;
    const share = (of: 'before' | 'after') => accuracy?.[of].all ?? 0;
    const body: RoundResult = {
      status: row.status === 'candidate' ? 'candidate' : 'failed',
      updates,
      candidate,
      accuracy: accuracy === null ? null : { before: share('before'), after: share('after') },
      ...(row.problemCode === null ? {} : { code: row.problemCode }),
    };
    for (const { device, state } of await this.repository.members(id)) {
      if (state === 'declined') continue;
      await Promise.race([this.link.sendRound(device, { round: id, step: 'result', body }), this.#closed]);
      if (this.#isClosed) return false;
    }
    for (const happening of endHappenings(row)) this.timeline.note(happening);
    await this.#change(id, async (_, set) => set({ toldAt: this.clock.unixMs() }));
    return false;
  }

  async #fail(row: RoundRow, thrown: unknown): Promise<boolean> {
    const { code, message } = toNanofleetError(thrown);
    this.log.error('a round failed', { round: row.id, ...factsOf(thrown) });
    const shown = code === 'INTERNAL' ? 'Something broke; the log has the details.' : message;
    return this.#change(row.id, async (current, set) => {
      if (!isEnded(current)) await set(failure({ code, message: shown }, this.clock.unixMs()));
    });
  }

  /** Changes a round while nobody else does; whether its status is another one then. */
  async #change(
    id: Uuid,
    work: (
      row: RoundRow,
      set: (change: RoundChange, added?: readonly DeviceId[]) => Promise<void>,
    ) => Promise<void>,
  ): Promise<boolean> {
    let isMoved = false;
    await this.repository.change({ round: id }, async (row, _, queries) => {
      await work(row, async (change, added = []) => {
        await this.repository.setRound(queries, id, change);
        await this.repository.addMembers(queries, id, added);
        const status = change.status ?? row.status;
        isMoved = status !== row.status;
        if (isOpen(row) && !isOpen({ status })) await this.repository.silence(queries, id);
        if (status === 'failed') await this.repository.dropUpdates(queries, id);
      });
    });
    return isMoved;
  }
}

const failure = (
  { code, message }: { code: NonNullable<RoundRow['problemCode']>; message: string },
  finishedAt: number,
): RoundChange => ({ status: 'failed', problemCode: code, problemMessage: message, finishedAt });
