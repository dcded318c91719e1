/**
 * The messages of one sink that wait for their turn. Owns the bounds and what happens at them, the deadline and the tries
 * of each message, the growing wait between them. Adding one takes no time and never fails: decisions do not wait.
 */
import {
  NanofleetError,
  SINK_MESSAGES_WAITING_MAX,
  SINK_TRIES_MAX,
  type SinkReport,
  toNanofleetError,
} from '@nanofleet/protocol';
import type { Clock, Random } from '@nanofleet/runtime/ports';
import { backoffMs } from '../link/backoff.ts';
import type { Happening } from './happening.ts';
import type { SinkTally } from './sink-tally.ts';
import type { SinkWriter } from './sink-writer.ts';

/** What a queue needs. */
export interface SinkQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly writer: SinkWriter;
  readonly tally: SinkTally;
  readonly expireMs: number;
  readonly timeoutMs: number;
  /** Messages under way at once. */
  readonly atOnce: number;
  /** Resolves after so long, or when the agent ends. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** Told what is wrong with the sink; null when a message went through. */
  readonly failing: (error: NanofleetError | null) => void;
}

interface Waiting {
  readonly happening: Happening;
  readonly expiresMicros: number;
}

/** One sink's queue. */
export class SinkQueue {
  readonly #options: SinkQueueOptions;
  readonly #waiting: Waiting[] = [];
  #busy = 0;
  /** Tries in a row that failed, over messages: a dead sink is not asked anew at full speed for each. */
  #failures = 0;

  constructor(options: SinkQueueOptions) {
    this.#options = options;
  }

  /** Takes a message; at the bound the oldest one is dropped for it. */
  add(happening: Happening): void {
    const { clock, expireMs, tally } = this.#options;
    if (this.#waiting.length >= SINK_MESSAGES_WAITING_MAX) {
      this.#waiting.shift();
      tally.drop('tooMany');
    }
    this.#waiting.push({ happening, expiresMicros: clock.monotonicMicros() + expireMs * 1_000 });
    // In a turn of its own: starting a program takes a millisecond, which is the decision's otherwise.
    if (this.#waiting.length === 1) clock.after(0, () => this.#next());
  }

  report(): SinkReport {
    return this.#options.tally.report(this.#waiting.length + this.#busy);
  }

  #next(): void {
    const { atOnce, signal } = this.#options;
    while (this.#busy < atOnce && !signal.aborted) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#busy += 1;
      void this.#deliver(next).finally(() => {
        this.#busy -= 1;
        this.#next();
      });
    }
  }

  async #deliver({ happening, expiresMicros }: Waiting): Promise<void> {
    const { clock, pause, random, signal, tally } = this.#options;
    for (let tries = 1; tries <= SINK_TRIES_MAX && !signal.aborted; tries += 1) {
      if (clock.monotonicMicros() > expiresMicros) return tally.drop('expired');
      const error = await this.#try(happening);
      if (error === null) return;
      if (error.code !== 'SINK_FAILED') return;
      this.#failures += 1;
      await pause(backoffMs(this.#failures, random.share()));
    }
    if (!signal.aborted) tally.drop('failed');
  }

  /** One try; null when the sink has the message. */
  async #try(happening: Happening): Promise<NanofleetError | null> {
    const { failing, tally, writer } = this.#options;
    const { signal, end } = this.#deadline();
    try {
      await writer.send(happening, signal);
      this.#failures = 0;
      tally.sent();
      failing(null);
      return null;
    } catch (thrown) {
      if (this.#options.signal.aborted) return null;
      const error = toNanofleetError(thrown);
      this.#note(error);
      return error;
    } finally {
      end();
    }
  }

  #note(error: NanofleetError): void {
    const { failing, tally } = this.#options;
    const { code, message, facts } = error;
    const output =
      typeof facts['output'] === 'string' && facts['output'] !== '' ? `: ${facts['output']}` : '';
    if (code === 'SINK_FAILED') tally.failed(message);
    else tally.drop('refused', `${message}${output}`);
    // A message that lacks something is no fault of the sink.
    if (code !== 'INPUT_INVALID') failing(error);
  }

  #deadline(): { signal: AbortSignal; end: () => void } {
    const { clock, signal, timeoutMs } = this.#options;
    const ending = new AbortController();
    const abort = (): void => ending.abort();
    const cancel = clock.after(timeoutMs, abort);
    signal.addEventListener('abort', abort);
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', abort);
    };
    return { signal: ending.signal, end };
  }
}
