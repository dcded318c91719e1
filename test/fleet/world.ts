// Virtual time: timers in the order of their moments, and real work (SQL, models, files) counted and done one at a time.
// Time moves only when nothing is under way, so that the same seed gives the same order of everything.
import { createHash } from 'node:crypto';
import type { CancelTimer, Clock, Random } from '@nanofleet/runtime/ports';
import { makeSeededRandom } from '@nanofleet/runtime/testing';
import { Life } from './life.ts';
import { TimerHeap } from './timer-heap.ts';

/** Where time begins, milliseconds since 1970. */
const START_MS = 1_800_000_000_000;
/** Real time after which work under way counts as stuck: it waits for something that only virtual time could bring. */
const STUCK_MS = 60_000;

interface Job {
  readonly life: Life;
  readonly run: () => Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The 32-bit number of a text, for streams of chance that do not depend on one another. */
const numberOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32LE();

/** A world. */
export class World {
  readonly seed: number;
  /** The life of what is never killed: the network, the operator. */
  readonly always = new Life();
  readonly #timers = new TimerHeap();
  readonly #hash = createHash('sha256');
  readonly #jobs: Job[] = [];
  readonly #recent: string[] = [];
  #nowMs = START_MS;
  #pending = 0;
  #isWorking = false;
  #noted = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Virtual time, milliseconds since 1970, with fractions. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events were noted. */
  get noted(): number {
    return this.#noted;
  }

  /** The last events, for a report. */
  get recent(): readonly string[] {
    return this.#recent;
  }

  /** Digest over all events so far. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Notes an event: it becomes part of the digest. */
  note(what: string, ...facts: readonly (string | number | boolean | null)[]): void {
    const line = JSON.stringify([Number((this.#nowMs - START_MS).toFixed(3)), what, ...facts]);
    this.#hash.update(`${line}\n`);
    this.#noted += 1;
    this.#recent.push(line);
    if (this.#recent.length > 400) this.#recent.splice(0, 200);
  }

  /** A stream of chance of its own. */
  chance(name: string): Random {
    return makeSeededRandom(numberOf(`${this.seed}/${name}`));
  }

  /** Runs after so long, unless the life has ended. */
  after(milliseconds: number, run: () => void, life: Life = this.always): CancelTimer {
    return this.#timers.add(this.#nowMs + Math.max(0, milliseconds), () => {
      if (life.isAlive) run();
    });
  }

  /** Resolves after so long; never, when the life ends first. */
  pause(milliseconds: number, life: Life = this.always): Promise<void> {
    return new Promise((resolve) => {
      this.after(milliseconds, resolve, life);
    });
  }

  /** The clock of one process, which may be wrong by some time. */
  clockOf(life: Life, skewMs = 0): Clock {
    return {
      unixMs: () => Math.floor(this.#nowMs + skewMs),
      monotonicMicros: () => (this.#nowMs - START_MS) * 1_000,
      after: (milliseconds, run) => (life.isAlive ? this.after(milliseconds, run, life) : () => undefined),
      breathe: () => (life.isAlive ? Promise.resolve() : new Promise(() => undefined)),
    };
  }

  /** Does real work when its turn comes; time stands still until it is done. A life that has ended gets no answer. */
  real<T>(life: Life, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          const result = await work();
          if (life.isAlive) resolve(result);
        } catch (thrown) {
          if (life.isAlive) reject(thrown);
        }
      };
      this.#pending += 1;
      this.#jobs.push({ life, run });
      void this.#work();
    });
  }

  /** Holds time until something is settled that needs no time itself. */
  async hold<T>(asked: Promise<T>): Promise<T> {
    this.#pending += 1;
    try {
      return await asked;
    } finally {
      this.#pending -= 1;
    }
  }

  /** Lets time pass. */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      await this.rest();
      const next = this.#timers.takeDue(untilMs);
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Resolves when nothing goes on that does not wait for time. */
  async rest(): Promise<void> {
    await turn();
    const begunMs = Date.now();
    while (this.#pending > 0) {
      await turn();
      if (Date.now() - begunMs > STUCK_MS) throw new TypeError(`seed ${this.seed}: work under way is stuck`);
    }
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      if (job.life.isAlive) await job.run();
      // What follows from it comes to rest before the next one begins.
      await turn();
      this.#pending -= 1;
    }
    this.#isWorking = false;
  }
}
