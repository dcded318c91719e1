/**
 * One text to one decision: score, route, record, remember. Owns what is recorded and what is offered to a bigger tier;
 * the answer never waits for the network, and a full disk never stops it. Texts go no further than its questions.
 */

import {
  type DecideRequest,
  type Decision,
  type DeviceEvent,
  type ExplanationAnswer,
  NanofleetError,
  OFFLOAD_DEADLINE_DEFAULT_MS,
  type OffloadOutcome,
  type OffloadPolicy,
  toNanofleetError,
} from '@nanofleet/protocol';
import { type Registry, type Scored, type TextRunner, withRegistry } from '@nanofleet/runtime';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import type { Health } from '../health/health.ts';
import type { LineFigures } from '../health/line-figures.ts';
import { routeOf } from '../router/route.ts';
import type { DecisionMemory } from '../store/decision-memory.ts';
import type { AppendOptions, Outbox } from '../store/outbox.ts';
import type { LiveInputs } from '../trial/live-inputs.ts';
import type { ModelLines } from './model-lines.ts';
import type { Questions } from './questions.ts';

/** What deciding needs. */
export interface DecisionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly lines: ModelLines;
  readonly outbox: Outbox;
  readonly memory: DecisionMemory;
  readonly health: Health;
  readonly figures: LineFigures;
  readonly inputs: LiveInputs;
  readonly questions: Questions;
  /** What the device knows by name. */
  readonly names: Registry;
  /** Why programs may not be told which words of a text decided, at this moment; null if they may. */
  readonly explanationRefusal: () => string | null;
  /** Of the device's group at this moment. */
  readonly policy: () => OffloadPolicy;
  /** The time that deadlines are of. */
  readonly steadyMs: () => number;
  /** Told that the outbox has something new to send. */
  readonly queued: () => void;
  /** Told of each decision with its text, before anybody can refer to it. */
  readonly decided: (decision: Decision, text: string) => void;
}

/** A decision, and what only the program that asked may see. */
interface Scoring {
  readonly decision: Decision;
  readonly explanation: ExplanationAnswer | undefined;
}

/** How one text is asked, beside the text. */
export type AskOptions = Omit<DecideRequest, 'text'>;

/** Makes decisions. */
export class Decisions {
  readonly #options: DecisionsOptions;

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /**
   * Decides on a text.
   * @throws NanofleetError LINE_UNKNOWN, LINE_TASK_WRONG, TEXT_EMPTY, TEXT_MALFORMED, TEXT_TOO_LARGE, or DISK_FULL for
   * `durable` when the record cannot be kept
   */
  async decide(text: string, ask: AskOptions): Promise<Decision> {
    const askedMicros = this.#options.clock.monotonicMicros();
    const { decision, explanation } = await this.#score(text, ask, askedMicros);
    const answer = await this.#follow(text, { decision, ask, askedMicros });
    // Only now: what is recorded, offered and remembered never holds it.
    return explanation === undefined ? answer : { ...answer, explanation };
  }

  async #score(text: string, ask: AskOptions, askedMicros: number): Promise<Scoring> {
    const { clock, figures, lines, health, random } = this.#options;
    const { runner, giveBack } = lines.lease('text-intent', ask.line);
    try {
      const scored = await this.#decided(text, runner);
      const { label, confidence, outOfScope, verdict } = scored;
      const entities = this.#named(text, { runner, scored });
      const micros = Math.round((clock.monotonicMicros() - askedMicros) * 10) / 10;
      health.countDecision(verdict, micros);
      figures.decided(runner, scored, micros);
      const decision: Decision = {
        id: newId(clock, random),
        line: runner.line,
        version: runner.version,
        digest: runner.digest,
        label,
        confidence,
        outOfScope,
        verdict,
        ...(entities === undefined ? {} : { entities }),
        tier: 'nano',
        micros,
        offload: { status: 'none' },
      };
      return { decision, explanation: await this.#explained(text, { runner, ask, scored }) };
    } finally {
      giveBack();
    }
  }

  async #decided(text: string, runner: TextRunner): Promise<Scored> {
    const { figures, inputs } = this.#options;
    try {
      const scored = await runner.decide(text);
      inputs.saw(runner.line, { task: 'text-intent', text });
      return scored;
    } catch (thrown) {
      if (toNanofleetError(thrown).fault !== 'caller') {
        figures.failed(runner);
        inputs.failed(runner);
      }
      throw thrown;
    }
  }

  async #explained(
    text: string,
    { runner, ask, scored }: { runner: TextRunner; ask: AskOptions; scored: Scored },
  ): Promise<ExplanationAnswer | undefined> {
    if (ask.explain !== true) return undefined;
    const message = this.#options.explanationRefusal();
    return message === null ? await runner.explain(text, scored) : { code: 'EXPLANATION_REFUSED', message };
  }

  #named(text: string, { runner, scored }: { runner: TextRunner; scored: Scored }): Decision['entities'] {
    const { entities } = scored;
    const types = runner.manifest.entities?.types;
    if (entities === undefined || types === undefined) return undefined;
    return withRegistry(entities, { text, types, registry: this.#options.names });
  }

  /** Records, offers to a bigger tier, remembers; then waits for whatever was asked to be waited for. */
  async #follow(
    text: string,
    made: { decision: Decision; ask: AskOptions; askedMicros: number },
  ): Promise<Decision> {
    const { ask, askedMicros } = made;
    this.#options.decided(made.decision, text);
    const deadlineMs = Math.round(this.#options.steadyMs()) + (ask.deadlineMs ?? OFFLOAD_DEADLINE_DEFAULT_MS);
    const offload = this.#offer(text, made.decision, deadlineMs);
    const decision = { ...made.decision, offload };
    const isRecorded = this.#record(eventOf(decision), { isUrgent: ask.durable === true });
    this.#options.memory.remember(decision, { askedMicros, deadlineMs });
    if (ask.durable === true) await this.#makeDurable(isRecorded);
    if (ask.waitMs === undefined || ask.waitMs === 0) return decision;
    return this.#options.memory.waitFor(decision, ask.waitMs);
  }

  #offer(text: string, decision: Decision, deadlineMs: number): OffloadOutcome {
    switch (routeOf(decision.verdict, this.#options.policy())) {
      case 'stay':
        return { status: 'none' };
      case 'refuse':
        return { status: 'refused', code: 'OFFLOAD_REFUSED' };
      case 'offload':
        return this.#ask(text, decision, deadlineMs);
    }
  }

  #ask(text: string, decision: Decision, deadlineMs: number): OffloadOutcome {
    const { figures, health, questions } = this.#options;
    const outcome = questions.ask(text, decision, { deadlineMs });
    if (outcome.status !== 'queued') return outcome;
    health.countOffload();
    figures.offloaded(decision);
    return outcome;
  }

  #record(event: DeviceEvent, options: AppendOptions): boolean {
    const isRecorded = this.#options.outbox.append('decision', JSON.stringify(event), options);
    if (isRecorded) this.#options.queued();
    return isRecorded;
  }

  async #makeDurable(isRecorded: boolean): Promise<void> {
    if (!isRecorded) throw notKept();
    await this.#options.outbox.flushed().catch((cause: unknown) => {
      throw notKept(cause);
    });
  }
}

const eventOf = (decision: Decision): DeviceEvent => {
  const { id, line, version, label, confidence, outOfScope, verdict, tier, micros } = decision;
  return {
    type: 'decision',
    decision: id,
    line,
    version,
    label,
    confidence,
    outOfScope,
    verdict,
    tier,
    micros,
  };
};

const notKept = (cause?: unknown): NanofleetError =>
  new NanofleetError(
    'DISK_FULL',
    'the decision was made, but its record could not be kept; free space, or ask without durable',
    { cause },
  );
