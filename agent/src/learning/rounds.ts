/**
 * This device's part in federated rounds: answers plans, trains, sends the update, hears how it ended. Owns what is under way and when
 * it is given up: deadline, another model, wipe, end of the process. A crash loses the work and nothing else.
 */
import {
  framesOf,
  type LastRound,
  NanofleetError,
  type OffloadPolicy,
  type RoundAccept,
  type RoundPlan,
  type RoundResult,
  toNanofleetError,
  type Uuid,
} from '@nanofleet/protocol';
import { HEAD_TENSORS, isTrainable } from '@nanofleet/runtime';
import type { CancelTimer, Log } from '@nanofleet/runtime/ports';
import type { OutboundLog } from '../store/outbound-log.ts';
import { type ContributionPorts, contribute, exchanged, labelsOf } from './contribution.ts';
import type { Example } from './example-index.ts';
import type { ExampleStore } from './example-store.ts';
import {
  answerPlan,
  endRound,
  NO_ROUNDS,
  type PlanFacts,
  type RoundsState,
  sentUpdate,
} from './rounds.machine.ts';

/** The way to the controller. */
export interface RoundsLink {
  roundAccept(round: Uuid, body: RoundAccept): void;
  sendFrames(
    channel: { kind: 'round'; round: Uuid; step: 'update' },
    frames: ReturnType<typeof framesOf>,
  ): Promise<void>;
}

/** What taking part needs. */
export interface RoundsOptions extends ContributionPorts {
  readonly log: Log;
  readonly device: string;
  /** Whether this device takes part at all. */
  readonly isOn: boolean;
  readonly policy: () => OffloadPolicy;
  readonly store: ExampleStore;
  readonly outbound: OutboundLog;
  readonly link: () => RoundsLink;
}

/** What is kept of the round under way. */
interface Work {
  readonly round: Uuid;
  readonly abort: AbortController;
  readonly cancelDeadline: CancelTimer;
  update: Uint8Array | null;
}

/** The rounds of a device. */
export class Rounds {
  readonly #options: RoundsOptions;
  #state: RoundsState = NO_ROUNDS;
  #work: Work | null = null;
  #settled: Promise<void> = Promise.resolve();
  #last: LastRound | null = null;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** The last round that this device was asked for. */
  get last(): LastRound | null {
    return this.#last;
  }

  /** Resolves when nothing is being trained. */
  settled(): Promise<void> {
    return this.#settled;
  }

  /** Takes a plan; one that comes again does nothing twice. */
  plan(round: Uuid, plan: RoundPlan, { remainingMs }: { remainingMs: number }): void {
    const { examples, count } = this.#examplesFor(plan);
    const facts = this.#facts(plan, { examples: count, remainingMs });
    const { answer, state } = answerPlan(this.#state, { round, plan, facts });
    this.#state = state;
    const link = this.#options.link();
    if (answer.kind === 'decline') {
      this.#note({ round, line: plan.line, state: 'declined', examples: count, code: answer.code });
      return link.roundAccept(round, { examples: 0, code: answer.code });
    }
    link.roundAccept(round, { examples: answer.examples });
    if (answer.kind === 'resend') this.resend();
    if (answer.kind === 'begin') this.#begin({ round, plan, examples, count: answer.examples, remainingMs });
  }

  /** Takes the end of a round, or the refusal of this device's part in it. */
  result(round: Uuid, { status, code, accuracy }: RoundResult): void {
    // The controller has the update already: it was sent twice on purpose, and the round goes on.
    if (status === 'refused' && code === 'UPDATE_DUPLICATE') return;
    const { current } = this.#state;
    if (current?.round === round) {
      const { line, examples } = current;
      const facts = { ...(code && { code }), ...(accuracy && { accuracy }) };
      this.#note({ round, line, state: status, examples, ...facts });
    }
    this.#end(round, new NanofleetError('ROUND_OVER', 'the round has ended'));
  }

  /** Sends an update again whose round has not ended: the broker may have lost it with the connection. */
  resend(): void {
    const { current } = this.#state;
    const update = this.#work?.update ?? null;
    if (current === null || !current.isSent || update === null) return;
    void this.#send(current.round, update);
  }

  /** A line runs another model now. */
  modelChanged({ line, digest }: { line: string; digest: string }): void {
    const { current } = this.#state;
    if (current !== null && current.line === line && current.base !== digest) this.giveUp(exchanged(current));
  }

  /** Gives up what is under way, and tells the controller why. */
  giveUp(why: NanofleetError): void {
    const { current } = this.#state;
    if (current === null) return;
    const { round, line, examples, isSent } = current;
    if (!isSent) {
      this.#note({ round, line, state: 'stopped', examples, code: why.code });
      this.#options.link().roundAccept(round, { examples: 0, code: why.code });
    }
    this.#end(round, why);
  }

  /** Ends without a word; resolves when the trainer has let go. */
  close(): Promise<void> {
    this.#work?.cancelDeadline();
    this.#work?.abort.abort(new NanofleetError('ROUND_DECLINED', 'the agent ends'));
    return this.#settled;
  }

  /** Examples that can be used, and how many of them are of labels that the plan trains: the others only hold those apart. */
  #examplesFor(plan: RoundPlan): { examples: Example[]; count: number } {
    const labels = labelsOf(this.#options.lines.find(plan.line)?.labels ?? [], plan);
    const known = new Set(labels);
    const trained = new Set(plan.tensors.join() === HEAD_TENSORS.join() ? labels : plan.labels.added);
    const examples = this.#options.store
      .of(plan.line)
      .filter(({ label }) => label === null || known.has(label));
    return { examples, count: examples.filter(({ label }) => label !== null && trained.has(label)).length };
  }

  #facts(plan: RoundPlan, { examples, remainingMs }: { examples: number; remainingMs: number }): PlanFacts {
    const { isOn, policy, lines } = this.#options;
    const runner = lines.find(plan.line);
    const isText = runner?.task === 'text-intent';
    const running =
      runner === null || !isText
        ? null
        : {
            digest: runner.digest,
            labels: runner.labels,
            labelsVersion: runner.manifest.labels.version,
            isTrainable: isTrainable(runner),
          };
    return {
      isOn,
      policy: policy(),
      running,
      isOtherTask: runner !== null && !isText,
      examples,
      remainingMs,
    };
  }

  #begin(task: {
    round: Uuid;
    plan: RoundPlan;
    examples: Example[];
    count: number;
    remainingMs: number;
  }): void {
    const { round, plan, count, remainingMs } = task;
    this.#stopWork(new NanofleetError('ROUND_OVER', 'a later round has begun'));
    const abort = new AbortController();
    const cancelDeadline = this.#options.clock.after(remainingMs, () =>
      this.giveUp(new NanofleetError('ROUND_OVER', 'the deadline of the round has passed')),
    );
    const work: Work = { round, abort, cancelDeadline, update: null };
    this.#work = work;
    this.#note({ round, line: plan.line, state: 'training', examples: count });
    // One after the other: the one before lets go of its thread first.
    this.#settled = this.#settled.then(() => this.#contribute(task, work));
  }

  async #contribute(task: { round: Uuid; plan: RoundPlan; examples: Example[]; count: number }, work: Work) {
    const { round, plan, examples, count } = task;
    const { signal } = work.abort;
    if (signal.aborted) return;
    try {
      const device = this.#options.device;
      const update = await contribute({ plan, device, examples, count }, this.#options, signal);
      signal.throwIfAborted();
      if (this.#options.policy() === 'none')
        throw new NanofleetError(
          'ROUND_DECLINED',
          'the policy of the group became none while the round was under way',
        );
      work.update = update;
      this.#noteOutbound(round, update.length);
      this.#state = sentUpdate(this.#state, round);
      this.#note({ round, line: plan.line, state: 'sent', examples: count });
      await this.#send(round, update);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toNanofleetError(thrown);
      this.#options.log.warn('round-not-served', {
        round,
        code: error.code,
        why: error.message.slice(0, 300),
      });
      this.giveUp(error);
    }
  }

  /** A failure is no matter: the update is kept and goes out again with the next connection. */
  async #send(round: Uuid, bytes: Uint8Array): Promise<void> {
    const channel = { kind: 'round', round, step: 'update' } as const;
    const frames = framesOf({ kind: 'update', correlation: round, bytes });
    try {
      await this.#options.link().sendFrames(channel, frames);
    } catch (thrown) {
      this.#options.log.info('update-not-sent', { round, code: toNanofleetError(thrown).code });
    }
  }

  #noteOutbound(round: Uuid, bytes: number): void {
    const { outbound, clock, policy } = this.#options;
    outbound.note({ at: clock.unixMs(), what: 'update', round, bytes, redacted: {}, policy: policy() });
  }

  #end(round: Uuid, why: NanofleetError): void {
    this.#state = endRound(this.#state, round);
    if (this.#work?.round === round) this.#stopWork(why);
  }

  #stopWork(why: NanofleetError): void {
    this.#work?.cancelDeadline();
    this.#work?.abort.abort(why);
    this.#work = null;
  }

  #note(last: Omit<LastRound, 'at'>): void {
    this.#last = { ...last, at: this.#options.clock.unixMs() };
    this.#options.log.info('round', { round: last.round, state: last.state, code: last.code });
  }
}
