/**
 * The decisions made lately, with what became of asking a bigger tier. Bounded; forgets the oldest. Owns who waits for
 * an answer. Never holds a text.
 */

import {
  AWAITED_MAX,
  DECISIONS_REMEMBERED_MAX,
  type Decision,
  type OffloadResponse,
  plainText,
  type Uuid,
} from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';

interface Remembered {
  decision: Decision;
  /** When the question was asked, monotonic microseconds; of an earlier process, as if at its start. */
  readonly askedMicros: number;
  /** Milliseconds of the steady time. */
  readonly deadlineMs: number;
  readonly waiters: ((decision: Decision) => void)[];
}

/** Memory of decisions. */
export class DecisionMemory {
  readonly #clock: Clock;
  readonly #steadyMs: () => number;
  readonly #byId = new Map<string, Remembered>();
  readonly #awaiting = new Set<string>();

  /** @param steadyMs the time that deadlines are of; the clock's own when left out */
  constructor(clock: Clock, steadyMs = () => clock.unixMs()) {
    this.#clock = clock;
    this.#steadyMs = steadyMs;
  }

  /** Remembers a decision; one that is queued is awaited until its deadline. */
  remember(decision: Decision, options: { askedMicros: number; deadlineMs: number }): void {
    this.#byId.set(decision.id, { decision, ...options, waiters: [] });
    if (decision.offload.status === 'queued') this.#awaiting.add(decision.id);
    if (this.#byId.size > DECISIONS_REMEMBERED_MAX) this.#forgetOldest();
  }

  /** A decision as it stands now; null when it is not remembered. */
  find(id: string): Decision | null {
    const found = this.#byId.get(id);
    if (found === undefined) return null;
    if (found.decision.offload.status === 'queued' && found.deadlineMs <= this.#steadyMs()) {
      this.#finish(found, { status: 'expired', code: 'OFFLOAD_EXPIRED' });
    }
    return found.decision;
  }

  /** Whether an answer to it is still waited for. */
  isAwaited(id: string): boolean {
    return this.find(id)?.offload.status === 'queued';
  }

  /** Ids whose answer has not come, newest last, at most AWAITED_MAX. */
  awaiting(): Uuid[] {
    return [...this.#awaiting]
      .flatMap((id) => this.find(id) ?? [])
      .filter(({ offload }) => offload.status === 'queued')
      .map(({ id }) => id)
      .slice(-AWAITED_MAX);
  }

  /** Takes the answer of a bigger tier; the first one counts. Returns whether it was awaited. */
  answer(response: OffloadResponse): boolean {
    const found = this.#byId.get(response.decision);
    if (found === undefined || !this.#awaiting.has(response.decision)) return false;
    this.#finish(found, outcomeOf(response, (this.#clock.monotonicMicros() - found.askedMicros) / 1_000));
    return true;
  }

  /** The decision once its answer has come, or as it stands after so many milliseconds. */
  waitFor(decision: Decision, milliseconds: number): Promise<Decision> {
    return new Promise((resolve) => {
      const stop = this.watch(decision.id, resolve);
      if (stop === null) return resolve(this.find(decision.id) ?? decision);
      const cancel = this.#clock.after(milliseconds, () => {
        stop();
        resolve(this.find(decision.id) ?? decision);
      });
      this.watch(decision.id, cancel);
    });
  }

  /**
   * Tells once what became of a decision that is awaited, its deadline passing included.
   * @returns how to stop; null when it is not awaited, for then nothing comes
   */
  watch(id: string, done: (decision: Decision) => void): (() => void) | null {
    const found = this.#byId.get(id);
    if (found === undefined || this.find(id)?.offload.status !== 'queued') return null;
    const leftMs = Math.max(0, found.deadlineMs - this.#steadyMs());
    const cancel = this.#clock.after(leftMs, () => this.find(id));
    const waiter = (decision: Decision): void => {
      cancel();
      done(decision);
    };
    found.waiters.push(waiter);
    return () => {
      cancel();
      const at = found.waiters.indexOf(waiter);
      if (at !== -1) found.waiters.splice(at, 1);
    };
  }

  #finish(found: Remembered, offload: Decision['offload']): void {
    found.decision = { ...found.decision, offload };
    this.#awaiting.delete(found.decision.id);
    for (const waiter of found.waiters.splice(0)) waiter(found.decision);
  }

  #forgetOldest(): void {
    const [oldest] = this.#byId.keys();
    if (oldest === undefined) return;
    this.#byId.delete(oldest);
    this.#awaiting.delete(oldest);
  }
}

const outcomeOf = (response: OffloadResponse, milliseconds: number): Decision['offload'] => {
  const { tier, label, confidence, outOfScope, verdict, version, code, entities, proposed, reply } = response;
  if (tier === null)
    return { status: code === 'OFFLOAD_REFUSED' ? 'refused' : 'unanswered', ...(code && { code }) };
  const answer = {
    tier,
    label,
    confidence,
    outOfScope,
    verdict,
    version,
    milliseconds: Math.max(0, Math.round(milliseconds * 100) / 100),
    ...(entities && { entities }),
    ...(reply !== undefined && { reply: plainText(reply) }),
    ...(proposed !== undefined && { proposed }),
  };
  // That a text means something new is an answer, too.
  const isAnswered = (label !== null && verdict !== 'unsure') || proposed !== undefined;
  return { status: isAnswered ? 'answered' : 'unanswered', ...(code && { code }), answer };
};
