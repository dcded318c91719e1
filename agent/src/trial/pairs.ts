/**
 * Has the version before answer some of the inputs that the running one has decided, for a gate to know which of both is
 * right: where they say something else a bigger tier is asked, under the policy and redaction of every offload. Owns which
 * inputs these are and what came of them; keeps no text beyond the run, and says nothing but counts. Nobody waits for it.
 */
import {
  type Decision,
  OFFLOAD_DEADLINE_DEFAULT_MS,
  type OffloadOutcome,
  type OffloadPolicy,
  type OffloadResponse,
  PAIRS_AT_ONCE,
  PAIRS_INPUTS_MAX,
  PAIRS_OPEN_MAX,
  PAIRS_REST,
  type Uuid,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { TextRunner } from '@nanofleet/runtime';
import type { Clock } from '@nanofleet/runtime/ports';
import { type Doer, isKnown, isSameAnswer, type LineFigures, type Opinion } from '../health/line-figures.ts';

/** What comparing needs. */
export interface PairsOptions {
  readonly clock: Clock;
  readonly figures: LineFigures;
  /** Of the device's group at this moment. */
  readonly policy: () => OffloadPolicy;
  readonly newId: () => Uuid;
  /** A decision as it stands now. */
  readonly find: (id: Uuid) => Decision | null;
  /** Asks a bigger tier about a text under the id of a decision that nobody else knows. */
  readonly ask: (text: string, decision: Decision) => OffloadOutcome;
}

interface Watch {
  readonly digest: string;
  readonly former: TextRunner;
  /** Told when enough was compared. */
  readonly enough: () => void;
  /** Inputs that came and were not compared before. */
  seen: number;
  /** Digests of those that were compared: what a home says over and over is one opinion, and is asked about once. */
  readonly compared: Set<string>;
  restUntilMicros: number;
  running: Promise<void> | null;
}

interface Open {
  readonly doer: Doer;
  readonly now: Opinion;
  readonly before: Opinion;
  readonly untilMicros: number;
}

/** Compares versions of all lines. */
export class Pairs {
  readonly #options: PairsOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #open = new Map<string, Open>();

  constructor(options: PairsOptions) {
    this.#options = options;
  }

  /** A version will be compared with the one before. */
  expect(doer: Doer): void {
    this.#options.figures.paired(doer);
  }

  /** A version is not compared, or no more. */
  forgo(doer: Doer): void {
    this.#options.figures.unpaired(doer);
  }

  /** Compares a line's version with the one before from now on. */
  begin(doer: Doer, { enough, former }: Pick<Watch, 'former' | 'enough'>): void {
    const { digest, line } = doer;
    // What is open of an earlier watch has no place in the counts of this one.
    for (const [id, open] of this.#open) if (open.doer.line === line) this.#giveUp(id, open);
    this.#options.figures.paired(doer);
    this.#watches.set(line, {
      ...{ digest, former, enough, seen: 0, compared: new Set(), restUntilMicros: 0, running: null },
    });
  }

  /** Compares no more on a line; resolves when the version before is not used any more. */
  async end(line: string): Promise<void> {
    const watch = this.#watches.get(line);
    this.#watches.delete(line);
    await watch?.running;
  }

  /** Told of each decision with its text. */
  decided(decision: Decision, text: string): void {
    const watch = this.#watches.get(decision.line);
    if (watch?.digest !== decision.digest || !this.#isTurn(watch, text)) return;
    watch.running = this.#later(async () => {
      await this.#compare(watch, decision, text);
      watch.running = null;
      if (watch.compared.size >= PAIRS_INPUTS_MAX) watch.enough();
    });
  }

  /** A bigger tier has answered. */
  answered(response: OffloadResponse): void {
    const open = this.#open.get(response.decision);
    if (open === undefined) return;
    this.#open.delete(response.decision);
    this.#settle(open, response);
  }

  #isTurn(watch: Watch, text: string): boolean {
    const { clock, policy } = this.#options;
    this.#expire();
    const isFree = watch.running === null && clock.monotonicMicros() >= watch.restUntilMicros;
    if (!isFree || policy() === 'none' || this.#open.size >= PAIRS_OPEN_MAX) return false;
    const key = sha256Of(Buffer.from(text));
    if (watch.compared.has(key)) return false;
    watch.seen += 1;
    if (watch.seen % (1 + Math.floor(watch.compared.size / PAIRS_AT_ONCE)) !== 0) return false;
    watch.compared.add(key);
    return true;
  }

  /** After the answer to the program that has asked. */
  #later(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(0, () => resolve(work()));
    });
  }

  async #compare(watch: Watch, decision: Decision, text: string): Promise<void> {
    const { clock, figures } = this.#options;
    const beganMicros = clock.monotonicMicros();
    try {
      const before = await watch.former.decide(text);
      if (isSameAnswer(decision, before)) figures.pairSettled(decision, 'same');
      else this.#judge(decision, before, text);
    } catch {
      // What the version before fails on compares nothing, and is no fault of the new one; the text may not be told.
    }
    const endMicros = clock.monotonicMicros();
    watch.restUntilMicros = endMicros + PAIRS_REST * (endMicros - beganMicros);
  }

  /** Asks a bigger tier, unless the decision was offloaded in any case: then that answer tells. */
  #judge(decision: Decision, { label, verdict }: Opinion, text: string): void {
    const { ask, clock, figures, find, newId } = this.#options;
    const untilMicros = clock.monotonicMicros() + OFFLOAD_DEADLINE_DEFAULT_MS * 1_000;
    const open = { doer: decision, now: decision, before: { label, verdict }, untilMicros };
    const offload = find(decision.id)?.offload;
    if (offload?.answer !== undefined) return this.#count(open, offload.answer, { wasOpen: false });
    const own = { ...decision, id: newId() };
    const isAsked = offload?.status === 'none' ? ask(text, own).status === 'queued' : false;
    if (!isAsked && offload?.status !== 'queued') return figures.pairSettled(decision, 'unknown');
    this.#open.set(isAsked ? own.id : decision.id, open);
    figures.pairOpened(decision);
  }

  #settle(open: Open, response: OffloadResponse): void {
    const { doer } = open;
    if (isKnown(response)) this.#count(open, response, { wasOpen: true });
    else this.#options.figures.pairSettled(doer, 'unknown', { wasOpen: true });
  }

  #count({ before, doer, now }: Open, answer: Opinion, how: { wasOpen: boolean }): void {
    const { figures } = this.#options;
    if (answer.verdict === 'unsure') figures.pairSettled(doer, 'unknown', how);
    else if (isSameAnswer(now, answer)) figures.pairSettled(doer, 'new', how);
    else figures.pairSettled(doer, isSameAnswer(before, answer) ? 'old' : 'neither', how);
  }

  /** Who has not answered in time does not answer. */
  #expire(): void {
    const nowMicros = this.#options.clock.monotonicMicros();
    for (const [id, open] of this.#open) {
      if (open.untilMicros > nowMicros) return;
      this.#giveUp(id, open);
    }
  }

  #giveUp(id: string, { doer }: Open): void {
    this.#open.delete(id);
    this.#options.figures.pairSettled(doer, 'unknown', { wasOpen: true });
  }
}
