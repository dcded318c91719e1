/**
 * The decisions made lately, with what became of asking a bigger tier. Bounded; forgets the oldest. Owns who waits for
 * an answer. Never holds a text.
 */

import {
  AWAITED_MAX,
  DECISIONS_REMEMBERED_MAX,
  type Decision,
  type OffloadResponse,
  type Uuid,
} from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';

interface Remembered {
  decision: Decision;
  /** When the question was asked, monotonic microseconds; of an earlier process, as if at its start. */
  readonly askedMicros: number;
  /** Milliseconds since 1970. */
  readonly deadlineMs: number;
  readonly waiters: ((decision: Decision) => void)[];
}

/** Memory of decisions. */
export class DecisionMemory {
  readonly #clock: Clock;
  readonly #byId = new Map<string, Remembered>();
  readonly #awaiting = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
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
    if (found.decision.offload.status === 'queued' && found.deadlineMs <= this.#clock.unixMs()) {
      this.#finish(found, { status: 'expired', code: 'OFFLOAD_EXPIRED' });
    }
    return found.decision;
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
    const found = this.#byId.get(decision.id);
    if (found === undefined || found.decision.offload.status !== 'queued') return Promise.resolve(decision);
    return new Promise((resolve) => {
      const cancel = this.#clock.after(milliseconds, () => resolve(this.find(decision.id) ?? decision));
      found.waiters.push((answered) => {
        cancel();
        resolve(answered);
      });
    });
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
  const { tier, label, confidence, outOfScope, verdict, version, code } = response;
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
  };
  const isAnswered = label !== null && verdict !== 'unsure';
  return { status: isAnswered ? 'answered' : 'unanswered', ...(code && { code }), answer };
};
