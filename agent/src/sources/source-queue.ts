/**
 * The messages of one source that wait for their line, and how many may come in a second. Owns both bounds and what
 * happens at them; gives one message after the other, again while no line takes it.
 */
import {
  NanofleetError,
  RECONNECT_FIRST_MS,
  SOURCE_MESSAGES_WAITING_MAX,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import type { SourceFeed } from './source-feed.ts';
import type { SourceMessage } from './source-message.ts';
import type { SourceTally } from './source-tally.ts';

/** What a queue needs. */
export interface SourceQueueOptions {
  readonly clock: Clock;
  readonly feed: SourceFeed;
  readonly tally: SourceTally;
  readonly perSecond: number;
  /** Resolves after so long, or when the agent ends. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** A model may come, or the one that fits. */
const MAY_CHANGE: ReadonlySet<string> = new Set(['LINE_UNKNOWN', 'LINE_TASK_WRONG', 'CHANNELS_WRONG']);
const LONGEST_MS = 16 * RECONNECT_FIRST_MS;

/** One source's queue. */
export class SourceQueue {
  readonly #options: SourceQueueOptions;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #second = { from: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(options: SourceQueueOptions) {
    this.#options = options;
  }

  /** Whether a message of a source that cannot wait is taken; else it is dropped and counted. */
  get hasRoom(): boolean {
    return this.#waiting < SOURCE_MESSAGES_WAITING_MAX && this.#isWithinRate();
  }

  /** Waits for room, then for the message to be used. */
  async put(message: SourceMessage): Promise<void> {
    while (!this.#isWithinRate() && !this.#options.signal.aborted) await this.#options.pause(this.#restMs());
    await this.add(message);
  }

  /** Resolves when the message was used, or counted. */
  add(message: SourceMessage): Promise<void> {
    this.#second.count += 1;
    return this.#inTurn(() => this.#give(message));
  }

  /** In turn with the messages before it. */
  interrupt(): Promise<void> {
    return this.#inTurn(() => this.#options.feed.interrupt());
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    this.#waiting += 1;
    const mine = this.#turn.then(work).finally(() => {
      this.#waiting -= 1;
    });
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  /** Gives a message until a line takes it; the messages behind it wait. */
  async #give(message: SourceMessage): Promise<void> {
    const { feed, pause, signal, tally } = this.#options;
    for (let waitMs = RECONNECT_FIRST_MS; !signal.aborted; waitMs = Math.min(LONGEST_MS, waitMs * 2)) {
      try {
        return await feed.take(message);
      } catch (thrown) {
        const error = toNanofleetError(thrown);
        if (!MAY_CHANGE.has(error.code)) return tally.drop('refused', `${error.code}: ${error.message}`);
        tally.failed(`${error.code}: ${error.message}`);
        await pause(waitMs);
      }
    }
    // The message was not used: a reader that keeps a position must not go on.
    throw new NanofleetError('SOURCE_FAILED', 'the agent ends');
  }

  #isWithinRate(): boolean {
    const now = this.#options.clock.monotonicMicros();
    if (now - this.#second.from >= 1e6) this.#second = { from: now, count: 0 };
    return this.#second.count < this.#options.perSecond;
  }

  #restMs(): number {
    const { clock } = this.#options;
    return Math.max(1, Math.ceil((this.#second.from + 1e6 - clock.monotonicMicros()) / 1_000));
  }
}
