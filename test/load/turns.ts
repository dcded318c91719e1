// Turns at something of which only so many may be under way in a process.

/** Hands out turns, in the order in which they are asked for. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param atOnce turns at a time */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Does it when its turn has come; rejects as it does. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
