/** So many pieces of work at once; further ones wait in their order, up to a bound. Knows nothing about the work. */

/** Slots for work. */
export class WorkSlots {
  readonly #most: number;
  readonly #queueMax: number;
  readonly #queue: (() => void)[] = [];
  #inWork = 0;

  constructor(options: { most: number; queueMax: number }) {
    this.#most = options.most;
    this.#queueMax = options.queueMax;
  }

  /** Pieces in work now. */
  get inWork(): number {
    return this.#inWork;
  }

  /** Does a piece of work when there is room; null when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.#inWork >= this.#most) {
      if (this.#queue.length >= this.#queueMax) return null;
      await new Promise<void>((resolve) => {
        this.#queue.push(resolve);
      });
    } else this.#inWork += 1;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      // A slot that is handed on stays taken.
      if (next === undefined) this.#inWork -= 1;
      else next();
    }
  }
}
