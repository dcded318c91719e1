/**
 * Questions of devices to bigger tiers: stored, acknowledged after the commit, answered within their deadline, the
 * answer stored before it is sent. The policy of the device's group is read with the question: a device may have an old
 * one. Never keeps a text once its question is final, and never logs one.
 */

import {
  type DeviceId,
  INGEST_QUEUE_MAX,
  type Message,
  OFFLOAD_DEADLINE_DEFAULT_MS,
  OFFLOAD_ROWS_MAX,
  OFFLOADS_IN_WORK_MAX,
  type OffloadPolicy,
  type OffloadResponse,
  type Shard,
  shardOf,
  type Uuid,
} from '@nanofleet/protocol';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { storable } from '../db/database.ts';
import { acknowledge, identityOf } from '../link/acknowledge.ts';
import { Link } from '../link/link.ts';
import { RecordBatches } from '../link/record-batches.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import type { FinalAnswer } from './answer.plan.ts';
import {
  type AnsweredQuestion,
  identityKey,
  type NewQuestion,
  OffloadRepository,
  type OpenQuestion,
} from './offload.repository.ts';
import { Tiers } from './tiers.ts';

const TRIM_EVERY_ROWS = OFFLOAD_ROWS_MAX / 100;
/** Replies and entities stay this long at most after their question's deadline. */
const FORGET_EVERY_MS = 60_000;

/** Questions on their way to an answer. */
@Injectable()
export class OffloadService implements OnModuleDestroy, OnModuleInit {
  readonly #questions: RecordBatches<NewQuestion>;
  readonly #answers: RecordBatches<AnsweredQuestion>;
  readonly #waiting: OpenQuestion[] = [];
  /** Questions that wait or are in work here: a shard that comes back must not bring them a second time. */
  readonly #known = new Set<string>();
  #fresh: ReadonlyMap<string, OffloadPolicy> = new Map();
  #final: ReadonlySet<string> = new Set();
  #inWork = 0;
  #sinceTrim = 0;
  #isClosed = false;

  constructor(
    private readonly repository: OffloadRepository,
    private readonly tiers: Tiers,
    private readonly link: Link,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {
    const refused = (): void => {
      link.counts.malformed += 1;
    };
    // Somebody waits for the answer: no wait for company, the commit before gathers enough under load.
    const shared = { clock, log, delayMs: 0, refused };
    this.#questions = new RecordBatches<NewQuestion>({
      ...shared,
      commit: async (rows) => {
        this.#fresh = await repository.store(rows);
      },
      settled: (rows) => this.#stored(rows),
    });
    this.#answers = new RecordBatches<AnsweredQuestion>({
      ...shared,
      // Room for all that may wait, in work included, while the database is gone.
      queueMax: INGEST_QUEUE_MAX * 2,
      commit: async (rows) => {
        this.#final = await repository.finish(rows);
      },
      settled: (rows) => this.#finished(rows),
    });
  }

  /**
   * Takes a question; ends the device's session when there is no room, so that it sends it again later.
   * @returns a promise that resolves once it is stored
   */
  ask(message: Message<'offload/req'>): Promise<void> | undefined {
    const receivedAt = this.clock.unixMs();
    const { decision, line, redacted, text } = message.body;
    const row = {
      ...identityOf(message),
      decision,
      line,
      receivedAt,
      expiresAt: receivedAt + (message.remainingMs ?? OFFLOAD_DEADLINE_DEFAULT_MS),
      text: storable(text),
      redacted,
    };
    const stored = this.#waiting.length < INGEST_QUEUE_MAX ? this.#questions.add(row) : null;
    if (stored !== null) return stored;
    this.link.drop(message.device);
    return undefined;
  }

  /** Begins to take replies and entities out of old answers. */
  onModuleInit(): void {
    this.#forgetWordsSoon();
  }

  /**
   * Takes up what another controller, or this one before its stop, left without an answer in some shards, and sends
   * again what may have been answered and not sent.
   */
  async resume(shards: readonly Shard[]): Promise<void> {
    const nowMs = this.clock.unixMs();
    await this.tiers.resume();
    await this.repository.forgetWords(nowMs);
    const isOurs = ({ device }: { device: DeviceId }): boolean => shards.includes(shardOf(device));
    const open = (await this.repository.waiting()).filter(isOurs);
    this.#waiting.push(...open.filter((question) => !this.#known.has(identityKey(question))));
    for (const question of open) this.#known.add(identityKey(question));
    this.#work();
    const answered = (await this.repository.answeredLately(nowMs)).filter(isOurs);
    for (const { device, response } of answered) this.#send(device, response);
  }

  /** Sends the answers again that a device still waits for. */
  async resend(device: DeviceId, decisions: readonly Uuid[]): Promise<void> {
    for (const response of await this.repository.answersTo(device, decisions)) {
      await this.link.send(
        device,
        { kind: 'offload/res', body: response },
        { correlation: response.decision },
      );
    }
  }

  /** A page of questions, newest first. */
  list(query: { device?: DeviceId | undefined; limit: number }) {
    return this.repository.list(query);
  }

  /** Ends the queues; questions without an answer are taken up at the next start. */
  async onModuleDestroy(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    await Promise.all([this.#questions.close(), this.#answers.close()]);
  }

  #stored(rows: readonly NewQuestion[]): void {
    acknowledge(this.link, rows).catch((thrown: unknown) =>
      this.log.warn('acknowledgements were not sent', factsOf(thrown)),
    );
    for (const row of rows) {
      const policy = this.#fresh.get(identityKey(row));
      if (policy === undefined) continue;
      this.#known.add(identityKey(row));
      this.#waiting.push({ ...row, policy });
    }
    this.#work();
  }

  #work(): void {
    while (this.#inWork < OFFLOADS_IN_WORK_MAX) {
      const question = this.#waiting.shift();
      if (question === undefined) return;
      this.#inWork += 1;
      void this.#serve(question).finally(() => {
        this.#inWork -= 1;
        this.#work();
      });
    }
  }

  /** The mini tier within the slots of work; a provider is slower, and has slots of its own. */
  async #serve(question: OpenQuestion): Promise<void> {
    const { answer, isForCloud } = await this.tiers.first(question);
    if (isForCloud) void this.#serveByCloud(question, answer);
    else this.#give(question, answer);
  }

  async #serveByCloud(question: OpenQuestion, before: FinalAnswer): Promise<void> {
    const answer = await this.tiers.last(question, before);
    // What an ending controller says of the cloud is not the last word: the question is taken up at the next start.
    if (!this.tiers.isEnding) this.#give(question, answer);
  }

  #give({ device, epoch, sequence }: OpenQuestion, answer: FinalAnswer): void {
    void this.#answers.add({ device, epoch, sequence, answer });
  }

  #forgetWordsSoon(): void {
    this.clock.after(FORGET_EVERY_MS, () => {
      if (this.#isClosed) return;
      this.repository
        .forgetWords(this.clock.unixMs())
        .catch((thrown: unknown) => this.log.warn('replies stay in old answers', factsOf(thrown)))
        .finally(() => this.#forgetWordsSoon());
    });
  }

  #send(device: DeviceId, response: OffloadResponse): void {
    this.link
      .send(device, { kind: 'offload/res', body: response }, { correlation: response.decision })
      .catch((thrown: unknown) => this.log.warn('an answer was not sent', factsOf(thrown)));
  }

  #finished(rows: readonly AnsweredQuestion[]): void {
    for (const row of rows) {
      this.#known.delete(identityKey(row));
      // Another controller was quicker with this one: the device gets that answer and no second one.
      if (this.#final.has(identityKey(row))) this.#send(row.device, row.answer.response);
    }
    this.#sinceTrim += rows.length;
    if (this.#sinceTrim < TRIM_EVERY_ROWS) return;
    this.#sinceTrim = 0;
    this.repository.trim().catch((thrown: unknown) => this.log.warn('old questions stay', factsOf(thrown)));
  }
}
