/**
 * Asks the tiers in their order: the mini tier first; the provider only when that is not sure and the policy of the
 * device's group is `cloud` at this very moment. Owns who is asked; never keeps a text.
 */
import { type DeviceId, NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CloudRepository } from '../cloud/cloud.repository.ts';
import { type CloudAnswer, CloudService } from '../cloud/cloud.service.ts';
import { LineLabels } from '../cloud/line-labels.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { Link } from '../link/link.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { answerOf, cloudAnswerOf, type FinalAnswer, refusalOf, withoutCloud } from './answer.plan.ts';
import { MiniTier } from './mini-tier.ts';
import { OffloadRepository, type OpenQuestion } from './offload.repository.ts';
import { ReplyFrames } from './reply-frames.ts';

const DAY_MS = 86_400_000;

/** What is known after the mini tier. */
export interface FirstAnswer {
  readonly answer: FinalAnswer;
  /** Whether the provider is to be asked before the answer is given. */
  readonly isForCloud: boolean;
}

/** The tiers above the devices. */
@Injectable()
export class Tiers {
  constructor(
    private readonly mini: MiniTier,
    private readonly cloud: CloudService,
    private readonly timeline: TimelineService,
    private readonly labels: LineLabels,
    private readonly repository: OffloadRepository,
    private readonly proposals: CloudRepository,
    private readonly link: Link,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** Takes up what a stop of the controller left. */
  resume(): Promise<void> {
    return this.cloud.resume();
  }

  /** Whether the controller ends: then answers about the cloud say nothing. */
  get isEnding(): boolean {
    return this.cloud.isEnding;
  }

  /** The answer of the mini tier, or why there is none. */
  async first(question: OpenQuestion): Promise<FirstAnswer> {
    const answer = await this.#mini(question).catch((thrown: unknown) => this.#failed(question, thrown));
    const { code } = answer.response;
    const isOpen = answer.status === 'unanswered' && (code === undefined || code === 'OFFLOAD_UNAVAILABLE');
    return { answer, isForCloud: isOpen && question.policy === 'cloud' && this.cloud.isConfigured };
  }

  /** The answer of the provider; what the mini tier said, with a reason, when there is none. */
  async last(question: OpenQuestion, before: FinalAnswer): Promise<FinalAnswer> {
    const { decision, device, line } = question;
    const frames = new ReplyFrames({ link: this.link, clock: this.clock, device, decision });
    try {
      // It may have waited long for its turn: what the operator allows now counts.
      if ((await this.repository.policyOf(device)) !== 'cloud') return before;
      const said = await this.#askCloud(question, frames);
      frames.end();
      if (said.proposed !== null) await this.proposals.propose(line, said.proposed, this.clock.unixMs());
      return this.#inTime(question, cloudAnswerOf(decision, said));
    } catch (thrown) {
      frames.abandon();
      const { code, message } = toNanofleetError(thrown);
      this.log.warn('the provider gave no answer', { decision, ...factsOf(thrown) });
      // Once a day, however many questions come after it.
      const key = String(Math.floor(this.clock.unixMs() / DAY_MS));
      if (code === 'BUDGET_SPENT') this.timeline.note({ kind: 'budget-reached', key, code, detail: message });
      return withoutCloud(before, { code, message: code === 'INTERNAL' ? 'see the log' : message });
    }
  }

  async #askCloud(question: OpenQuestion, frames: ReplyFrames): Promise<CloudAnswer> {
    const labels = await this.#labelsFor(question);
    if (labels.length === 0)
      throw new NanofleetError(
        'OFFLOAD_UNAVAILABLE',
        `The labels of the line ${question.line} are not known: the registry does not hold the bundle that runs there.`,
      );
    return this.cloud.ask({ ...question, labels, reply: (piece) => frames.add(piece) });
  }

  /** Of the device's own line; of the mini tier for a device that has not reported what it runs. */
  async #labelsFor({ device, line }: { device: DeviceId; line: OpenQuestion['line'] }) {
    const own = await this.labels.of(device, line);
    if (own.length > 0 || this.mini.digest === null) return own;
    return this.labels.ofBundle(this.mini.digest);
  }

  async #mini(question: OpenQuestion): Promise<FinalAnswer> {
    const { decision, policy, text } = question;
    if (policy === 'none') {
      throw new NanofleetError('OFFLOAD_REFUSED', 'The policy of the group lets no text leave its devices.');
    }
    if (this.clock.unixMs() >= question.expiresAt) return expired(question);
    return this.#inTime(question, answerOf(decision, await this.mini.decide(text)));
  }

  #inTime(question: OpenQuestion, answer: FinalAnswer): FinalAnswer {
    return this.clock.unixMs() >= question.expiresAt ? expired(question) : answer;
  }

  #failed({ decision }: OpenQuestion, thrown: unknown): FinalAnswer {
    const { code, message } = toNanofleetError(thrown);
    this.log.warn('a question got no answer', { decision, ...factsOf(thrown) });
    return refusalOf(decision, { code, message: code === 'INTERNAL' ? 'see the log' : message });
  }
}

const expired = ({ decision }: OpenQuestion): FinalAnswer =>
  refusalOf(decision, {
    code: 'OFFLOAD_EXPIRED',
    message: 'The deadline passed before an answer was found.',
    status: 'expired',
  });
