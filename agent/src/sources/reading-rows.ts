/**
 * Makes whole readings of messages that carry some channels each, as where every tag of a PLC has its own topic: what
 * comes at one time is one reading, and a channel that did not come keeps its value. Owns the reading under way.
 */

/** Some channels of one time. */
export interface PartialReading {
  readonly seconds: number;
  readonly values: ReadonlyMap<string, number>;
}

/** A reading with all channels, in the order asked for. */
export interface WholeReading {
  readonly seconds: number;
  readonly values: number[];
}

/** One stream of readings. */
export class ReadingRows {
  readonly #channels: readonly string[];
  readonly #latest = new Map<string, number>();
  #pending: number | null = null;

  constructor(channels: readonly string[]) {
    this.#channels = channels;
  }

  /** Whole readings that are complete now, at most two: the one under way when time went on, and one that came whole. */
  push({ seconds, values }: PartialReading): WholeReading[] {
    const done: WholeReading[] = [];
    if (this.#pending !== null && seconds !== this.#pending) done.push(...this.#flush());
    for (const [channel, value] of values) this.#latest.set(channel, value);
    this.#pending = seconds;
    if (values.size === this.#channels.length) done.push(...this.#flush());
    return done;
  }

  #flush(): WholeReading[] {
    const seconds = this.#pending ?? 0;
    this.#pending = null;
    if (this.#latest.size < this.#channels.length) return [];
    return [{ seconds, values: this.#channels.map((channel) => this.#latest.get(channel) ?? 0) }];
  }
}
