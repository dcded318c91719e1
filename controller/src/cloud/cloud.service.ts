/**
 * Asks the provider: within one deadline and one budget, with one loop of retries. Money is reserved before each call and
 * booked after it; each call has its row in the audit. Never decides whether a text may come here: its caller checked the
 * policy of the device's group. Never logs or stores a text.
 */
import { createHash, createHmac } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  type Cloud,
  type DeviceId,
  INGEST_QUEUE_MAX,
  type LineId,
  NanofleetError,
  PROVIDER_CALLS_IN_WORK_MAX,
  PROVIDER_DEADLINE_MAX_MS,
  plainText,
  type Uuid,
} from '@nanofleet/protocol';
import { type Clock, type Log, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { RecordBatches } from '../link/record-batches.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { RANDOM } from '../ports/random.ts';
import { Identity } from '../state/identity.ts';
import { Circuit } from './circuit.ts';
import { CloudRepository, type SettledCall } from './cloud.repository.ts';
import { costOf, dayOf, estimatedUsage, worstCostOf } from './cost.plan.ts';
import { ProviderFailure } from './failure.ts';
import { requestBodyOf } from './prompt.ts';
import { type CallRecord, callProvider, newRecord } from './provider-call.ts';
import { openProviderHttp, type ProviderHttp } from './provider-http.ts';
import type { ProviderSettings } from './provider-settings.ts';
import { ReplyReader } from './reply-reader.ts';
import { RetryBucket, waitBeforeRetry } from './retry.plan.ts';
import { headOf, type TypedAnswer, typedAnswerOf } from './typed-answer.ts';
import { WorkSlots } from './work-slots.ts';

/** Injection token of the provider's settings; null without a provider. */
export const PROVIDER = Symbol('Provider');

const HASH_PURPOSE = 'nanofleet audit of provider calls, version 1';
const TRIM_EVERY_CALLS = 1_000;

/** One question to the provider. */
export interface CloudQuestion {
  readonly device: DeviceId;
  readonly decision: Uuid;
  readonly line: LineId;
  /** Redacted by the device. */
  readonly text: string;
  readonly redacted: Readonly<Record<string, number>>;
  readonly labels: readonly string[];
  /** By this controller's clock. */
  readonly expiresAt: number;
  /** Takes the reply as it comes; what it was given is never taken back. */
  readonly reply: (piece: string) => void;
}

/** The provider's answer. */
export interface CloudAnswer extends TypedAnswer {
  readonly model: string;
  /** All attempts together. */
  readonly micros: number;
}

/** One attempt while it runs. */
interface Attempt {
  readonly number: number;
  readonly id: Uuid;
  readonly body: Uint8Array;
  readonly record: CallRecord;
  /** Whether a piece of the reply has left: from then on nothing is tried again. */
  hasReplied: boolean;
}

interface Provider {
  readonly settings: ProviderSettings;
  readonly http: ProviderHttp;
  readonly target: string;
}

/** The cloud tier. */
@Injectable()
export class CloudService implements OnModuleDestroy {
  readonly #provider: Provider | null;
  readonly #circuit = new Circuit();
  readonly #retries = new RetryBucket();
  readonly #slots = new WorkSlots({ most: PROVIDER_CALLS_IN_WORK_MAX, queueMax: INGEST_QUEUE_MAX });
  readonly #settlements: RecordBatches<SettledCall>;
  readonly #stopping = new AbortController();
  readonly #changed = new Set<() => void>();
  #hashKey: Buffer | null = null;
  #sinceTrim = 0;
  #lastSuccessAt: number | null = null;
  #lastFailureAt: number | null = null;

  constructor(
    private readonly repository: CloudRepository,
    private readonly identity: Identity,
    @Inject(PROVIDER) settings: ProviderSettings | null,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
    @Inject(LOG) private readonly log: Log,
  ) {
    // One listener per call in work, and as many as there are slots.
    setMaxListeners(0, this.#stopping.signal);
    this.#provider =
      settings === null
        ? null
        : { settings, http: openProviderHttp(settings), target: new URL(settings.url).host };
    this.#settlements = new RecordBatches<SettledCall>({
      clock,
      log,
      delayMs: 0,
      commit: (calls) => repository.settle(calls),
      settled: (calls) => this.#trimSometimes(calls.length),
      refused: () => log.error('a call could not be booked; its reservation stays'),
    });
  }

  /** Whether there is a provider to ask. */
  get isConfigured(): boolean {
    return this.#provider !== null;
  }

  /** Whether the controller ends; then failures say nothing about the question. */
  get isEnding(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Books what a stop left open long enough that nobody works on it any more. */
  async resume(): Promise<void> {
    await this.repository.settleAbandoned(this.clock.unixMs() - 2 * PROVIDER_DEADLINE_MAX_MS);
  }

  /**
   * Asks.
   * @throws NanofleetError PROVIDER_*, BUDGET_SPENT, OFFLOAD_EXPIRED, OFFLOAD_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  async ask(question: CloudQuestion): Promise<CloudAnswer> {
    const provider = this.#provider;
    if (provider === null) throw new NanofleetError('OFFLOAD_UNAVAILABLE', 'No provider is configured.');
    const answer = await this.#slots.run(() => this.#askWithin(provider, question));
    if (answer !== null) return answer;
    throw new NanofleetError('PROVIDER_BUSY', 'Too many questions wait for the provider.');
  }

  /** What operators see. */
  async shown(): Promise<Cloud> {
    const days = (await this.repository.days()).map(({ calls, day, reserved, spent }) => ({
      day,
      calls,
      reservedMicros: reserved,
      spentMicros: spent,
    }));
    const day = dayOf(this.clock.unixMs());
    const today = days.find((known) => known.day === day);
    return {
      provider: this.#provider === null ? null : this.#health(this.#provider),
      today: today ?? { day, calls: 0, reservedMicros: 0, spentMicros: 0 },
      days: days.filter((known) => known.day !== day),
    };
  }

  /** Ends calls in work; what they cost is booked as far as the database still takes it. */
  async onModuleDestroy(): Promise<void> {
    this.#stopping.abort();
    await this.#settlements.close();
    await this.#provider?.http.close();
  }

  #health({ settings, target }: Provider): NonNullable<Cloud['provider']> {
    const { circuit, code, forMs } = this.#circuit.state(this.#nowMs());
    return {
      target,
      model: settings.model,
      currency: settings.currency,
      deadlineMs: settings.deadlineMs,
      inputMicros: settings.pricePerMillion.input,
      outputMicros: settings.pricePerMillion.output,
      budgetMicros: settings.budgetPerDay,
      circuit,
      opensAt: circuit === 'open' ? Math.round(this.clock.unixMs() + forMs) : null,
      inWork: this.#slots.inWork,
      lastSuccessAt: this.#lastSuccessAt,
      lastFailureAt: this.#lastFailureAt,
      lastFailureCode: code,
    };
  }

  #nowMs(): number {
    return this.clock.monotonicMicros() / 1_000;
  }

  async #askWithin(provider: Provider, question: CloudQuestion): Promise<CloudAnswer> {
    const begunMs = this.#nowMs();
    const leftMs = Math.min(provider.settings.deadlineMs, question.expiresAt - this.clock.unixMs());
    const until = begunMs + leftMs;
    const body = requestBodyOf(provider.settings, question);
    this.#retries.fill();
    for (let number = 1; ; number += 1) {
      await this.#admitted(until);
      const attempt = {
        number,
        body,
        id: newId(this.clock, this.random),
        record: newRecord(),
        hasReplied: false,
      };
      const outcome = await this.#attempt(provider, { question, attempt, until });
      if (!(outcome instanceof ProviderFailure)) {
        const micros = Math.round((this.#nowMs() - begunMs) * 1_000);
        return { ...outcome, model: provider.settings.model, micros };
      }
      await this.#beforeNext(outcome, { attempt, attemptsMax: provider.settings.attempts, until });
    }
  }

  /** Waits until the circuit lets a question through. */
  async #admitted(until: number): Promise<void> {
    for (;;) {
      if (this.#stopping.signal.aborted) throw stopped();
      const admission = this.#circuit.enter(this.#nowMs());
      if (admission.is === 'go') return;
      const leftMs = until - this.#nowMs();
      const opensInTime = admission.forMs < leftMs || admission.forMs === Number.POSITIVE_INFINITY;
      if (leftMs <= 0 || !opensInTime) throw paused(admission.forMs);
      await this.#changeOr(Math.min(admission.forMs, leftMs));
    }
  }

  /** Resolves after a time, or earlier when the circuit has changed. */
  #changeOr(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#changed.delete(done);
        resolve();
      };
      const cancel = this.clock.after(milliseconds, done);
      this.#changed.add(done);
    });
  }

  #tellChange(): void {
    for (const done of this.#changed) done();
  }

  /** The failure itself when there is no next attempt: what came first must not be hidden by a limit of retries. */
  async #beforeNext(
    failure: ProviderFailure,
    given: { attempt: Attempt; attemptsMax: number; until: number },
  ): Promise<void> {
    const { attempt, attemptsMax, until } = given;
    const waitMs = waitBeforeRetry(failure, {
      attempt: attempt.number,
      attemptsMax,
      remainingMs: until - this.#nowMs(),
      share: this.random.share(),
    });
    if (waitMs === null || attempt.hasReplied || !this.#retries.take()) throw failure;
    await new Promise<void>((resolve) => {
      this.clock.after(waitMs, resolve);
    });
  }

  /** One call with its money and its row; gives the failure of the provider, throws everything else. */
  async #attempt(
    provider: Provider,
    given: { question: CloudQuestion; attempt: Attempt; until: number },
  ): Promise<TypedAnswer | ProviderFailure> {
    const { attempt, question, until } = given;
    await this.#reserve(provider, question, attempt);
    const begunMs = this.#nowMs();
    const outcome = await this.#call(provider, { question, attempt, remainingMs: until - begunMs });
    this.#note(outcome);
    void this.#settlements.add(
      settlementOf(provider.settings, { attempt, outcome, milliseconds: this.#nowMs() - begunMs }),
    );
    return outcome;
  }

  async #reserve({ settings, target }: Provider, question: CloudQuestion, attempt: Attempt): Promise<void> {
    const at = this.clock.unixMs();
    const { decision, device, redacted } = question;
    const call = {
      id: attempt.id,
      at,
      day: dayOf(at),
      device,
      decision,
      attempt: attempt.number,
      target,
      model: settings.model,
      reservedMicros: worstCostOf(settings, attempt.body.length),
      requestHash: this.#hashOf(attempt.body),
      redacted,
    };
    try {
      if (await this.repository.reserve(call, settings.budgetPerDay)) return;
    } catch (thrown) {
      this.#leave();
      throw thrown;
    }
    this.#leave();
    throw spent(settings);
  }

  #leave(): void {
    this.#circuit.abandoned();
    this.#tellChange();
  }

  async #call(
    { http, settings }: Provider,
    given: { question: CloudQuestion; attempt: Attempt; remainingMs: number },
  ): Promise<TypedAnswer | ProviderFailure> {
    const { attempt, question, remainingMs } = given;
    const reader = new ReplyReader();
    const pieces = callProvider({
      clock: this.clock,
      http,
      settings,
      remainingMs,
      body: attempt.body,
      signal: this.#stopping.signal,
      record: attempt.record,
    });
    try {
      for await (const piece of pieces) {
        const text = plainText(reader.take(piece));
        if (text === '' || !mayShow(reader, question.labels)) continue;
        attempt.hasReplied = true;
        question.reply(text);
      }
      return typedAnswerOf(reader.whole, question.labels);
    } catch (thrown) {
      if (thrown instanceof ProviderFailure) return thrown;
      this.#leave();
      throw thrown;
    }
  }

  #note(outcome: TypedAnswer | ProviderFailure): void {
    const health = outcome instanceof ProviderFailure ? outcome.health : 'good';
    if (health === 'good') {
      this.#circuit.succeeded();
      this.#lastSuccessAt = this.clock.unixMs();
    } else if (health === 'bad' && outcome instanceof ProviderFailure) {
      this.#circuit.failed(outcome, this.#nowMs());
      this.#lastFailureAt = this.clock.unixMs();
      this.log.warn('the provider failed', { code: outcome.code, status: outcome.httpStatus });
    } else this.#circuit.abandoned();
    this.#tellChange();
  }

  /** A plain hash of a short text could be undone by trying texts. */
  #hashOf(body: Uint8Array): string {
    this.#hashKey ??= createHash('sha256').update(this.identity.sign(HASH_PURPOSE)).digest();
    return createHmac('sha256', this.#hashKey).update(body).digest('hex');
  }

  #trimSometimes(calls: number): void {
    this.#sinceTrim += calls;
    if (this.#sinceTrim < TRIM_EVERY_CALLS) return;
    this.#sinceTrim = 0;
    this.repository
      .trim()
      .catch((thrown: unknown) => this.log.warn('old calls stay in the audit', factsOf(thrown)));
  }
}

/** Whether the reply may be shown while it comes: only behind fields that are whole and right. */
const mayShow = (reader: ReplyReader, labels: readonly string[]): boolean => {
  const { head } = reader;
  if (typeof head !== 'object' || head === null || !('intent' in head) || !('entities' in head)) return false;
  headOf(head, labels);
  return true;
};

const settlementOf = (
  settings: ProviderSettings,
  given: { attempt: Attempt; outcome: TypedAnswer | ProviderFailure; milliseconds: number },
): SettledCall => {
  const { attempt, milliseconds, outcome } = given;
  const { record } = attempt;
  const failure = outcome instanceof ProviderFailure ? outcome : null;
  const nothing = { inputTokens: 0, outputTokens: 0 };
  const estimate = record.isSent
    ? estimatedUsage({ request: attempt.body.length, content: record.contentBytes })
    : nothing;
  const usage = record.usage ?? estimate;
  return {
    id: attempt.id,
    state: failure === null ? 'answered' : 'failed',
    status: record.status,
    code: failure?.code ?? null,
    milliseconds,
    firstMilliseconds: record.firstMs,
    ...usage,
    isEstimated: record.usage === null && record.isSent,
    costMicros: costOf(settings, usage),
  };
};

const stopped = () => new NanofleetError('OFFLOAD_UNAVAILABLE', 'The controller is ending.');

const paused = (forMs: number) =>
  new NanofleetError(
    'PROVIDER_PAUSED',
    `The provider failed repeatedly; it is tried again in ${Number.isFinite(forMs) ? Math.ceil(forMs / 1_000) : 'some'} s.`,
  );

const spent = ({ budgetPerDay, currency }: ProviderSettings) =>
  new NanofleetError(
    'BUDGET_SPENT',
    `What is left of today's ${budgetPerDay / 1e6} ${currency} does not cover another call.`,
  );
