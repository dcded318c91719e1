/**
 * What devices send in a round: acceptances and updates, each counted in one transaction with the round, each refusal told
 * to its sender with a code. An update is stored as it came; its bytes leave the database with the average. Never sums.
 */
import {
  type DeviceId,
  decodeUpdate,
  type ErrorCode,
  type Frame,
  FrameAssembly,
  type Message,
  toNanofleetError,
  UPDATE_BYTES_MAX,
  type Update,
  type Uuid,
} from '@nanofleet/protocol';
import { type Clock, type Log, pause } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { isDatabaseGone } from '../db/database.ts';
import { Link } from '../link/link.ts';
import { ModelsService } from '../models/models.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { LOG } from '../ports/log.ts';
import { RoundsDriver } from './rounds.driver.ts';
import { answered, contributed, isOpen, rejected, type Step } from './rounds.machine.ts';
import { elementsOf, updateFaultOf } from './rounds.plan.ts';
import { type MemberRow, type RoundRow, RoundsRepository } from './rounds.repository.ts';

/** Updates of several frames that are being joined at once; the oldest is given up beyond. */
const ASSEMBLIES_MAX = 32;
/** Updates that wait for the database; the session of a further device ends, and it comes again. */
const WAITING_MAX = 64;
const RETRY_MS = 200;

/** Bytes that cannot become an update, and why. */
interface Unusable {
  readonly code: ErrorCode;
}

/** A stream of frames that is being joined; null for one that was refused. */
interface Joining {
  readonly round: Uuid;
  readonly assembly: FrameAssembly | null;
}

/** Takes what devices send in rounds. */
@Injectable()
export class ContributionsService implements OnModuleDestroy {
  readonly #assemblies = new Map<DeviceId, Joining>();
  #waiting = 0;
  #isClosed = false;

  constructor(
    private readonly repository: RoundsRepository,
    private readonly models: ModelsService,
    private readonly driver: RoundsDriver,
    private readonly link: Link,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Stops waiting for a database. */
  onModuleDestroy(): void {
    this.#isClosed = true;
  }

  /** A device takes part or declines. */
  accept(round: Uuid, { body, device }: Message<'round/accept'>): Promise<void> {
    return this.#persistently(device, async () => {
      const { code, examples } = body;
      await this.#step({ round, device }, (row, member) =>
        member === null ? null : answered(row, member, { examples, code }),
      );
    });
  }

  /** A frame of an update; the last one makes it whole. */
  async frame(frame: Frame, from: { device: DeviceId; round: Uuid }): Promise<void> {
    const content = this.#joined(frame, from);
    if (content !== null) await this.#persistently(from.device, () => this.#take(content, from));
  }

  /** All bytes once they are there; the reason when they cannot become an update. */
  #joined(frame: Frame, { device, round }: { device: DeviceId; round: Uuid }): Uint8Array | Unusable | null {
    if (frame.index === 0 && frame.isLast) return frame.payload;
    const current = this.#assemblies.get(device);
    const isNew = frame.index === 0 || current?.round !== round;
    const { assembly } = isNew ? { assembly: new FrameAssembly(UPDATE_BYTES_MAX) } : current;
    // The rest of a stream that was refused says nothing new.
    if (assembly === null) return null;
    this.#assemblies.delete(device);
    try {
      const bytes = assembly.take(frame);
      if (bytes === null) this.#keep(device, { round, assembly });
      return bytes;
    } catch (thrown) {
      this.#keep(device, { round, assembly: null });
      const { code } = toNanofleetError(thrown);
      return { code: code === 'MESSAGE_TOO_LARGE' ? 'UPDATE_TOO_LARGE' : 'UPDATE_MALFORMED' };
    }
  }

  #keep(device: DeviceId, joining: Joining): void {
    this.#assemblies.set(device, joining);
    const [oldest] = this.#assemblies.keys();
    if (this.#assemblies.size > ASSEMBLIES_MAX && oldest !== undefined) this.#assemblies.delete(oldest);
  }

  async #take(content: Uint8Array | Unusable, from: { device: DeviceId; round: Uuid }): Promise<void> {
    const atMs = this.clock.unixMs();
    const decoded = 'code' in content ? content : decodedOr(content);
    const row = await this.repository.one(from.round);
    if (row === undefined) return this.#tell(from, { code: 'ROUND_UNKNOWN', updates: 0 });
    const elements = elementsOf(await this.models.manifestOf(row.base), row.labels);
    const step = await this.#step(
      from,
      (current, member) => {
        const fault = 'code' in decoded ? decoded.code : updateFaultOf(decoded, { ...current, elements });
        if (fault !== null || 'code' in decoded)
          return rejected(current, member, { code: fault ?? 'UPDATE_MALFORMED', atMs });
        return contributed(current, member, { examples: decoded.examples, atMs });
      },
      'code' in content ? null : content,
    );
    if (step?.refusal === null || step === null) return;
    this.log.info('an update was refused', { ...from, code: step.refusal });
    await this.#tell(from, { code: step.refusal, updates: step.round.updates });
  }

  /** Stores what a message makes of a round and of its sender, the update itself among it. */
  async #step(
    from: { device: DeviceId; round: Uuid },
    decide: (row: RoundRow, member: MemberRow | null) => Step | null,
    bytes: Uint8Array | null = null,
  ): Promise<Step | null> {
    const step = await this.repository.change(from, async (row, member, queries) => {
      const made = decide(row, member);
      if (made === null) return null;
      const { accepted, declined, examples, refused, rejected: out, status, updates } = made.round;
      const isCounted = updates > row.updates;
      const updateBytes = row.updateBytes + (isCounted && bytes !== null ? bytes.length : 0);
      const counts = { accepted, declined, examples, refused, rejected: out, status, updates, updateBytes };
      await this.repository.setRound(queries, row.id, counts);
      if (member !== null) await this.repository.setMember(queries, { ...member, ...made.member });
      if (isCounted && bytes !== null) {
        const weight = made.member.examples;
        await this.repository.addUpdate(queries, { round: row.id, device: from.device, weight, bytes });
      }
      if (isOpen(row) && !isOpen(made.round)) await this.repository.silence(queries, row.id);
      return made;
    });
    if (step !== null && !isOpen(step.round)) this.driver.look();
    return step;
  }

  async #tell(
    { device, round }: { device: DeviceId; round: Uuid },
    { code, updates }: { code: ErrorCode; updates: number },
  ): Promise<void> {
    const body = { status: 'refused' as const, updates, candidate: null, accuracy: null, code };
    await this.link.sendRound(device, { round, step: 'result', body });
  }

  /** Waits for a database that is gone; what the broker has handed over would be lost otherwise. */
  async #persistently(device: DeviceId, work: () => Promise<void>): Promise<void> {
    if (this.#waiting >= WAITING_MAX) return this.link.drop(device);
    this.#waiting += 1;
    try {
      while (!this.#isClosed) {
        try {
          return await work();
        } catch (thrown) {
          if (this.#isClosed) return;
          if (!isDatabaseGone(thrown)) throw thrown;
          await pause(this.clock, RETRY_MS);
        }
      }
    } finally {
      this.#waiting -= 1;
    }
  }
}

const decodedOr = (bytes: Uint8Array): Update | Unusable => {
  try {
    return decodeUpdate(bytes);
  } catch (thrown) {
    return { code: toNanofleetError(thrown).code };
  }
};
