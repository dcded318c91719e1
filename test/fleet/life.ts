// A life of a process: between its start and its end everything that it asks of the world is answered, afterwards nothing.
// Never knows whose life it is.

/** One process, until it is ended. */
export class Life {
  #isAlive = true;
  readonly #atEnd: (() => void)[] = [];

  /** Whether it still runs. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Runs at the end, once. */
  onEnd(act: () => void): void {
    this.#atEnd.push(act);
  }

  /** Ends it. */
  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const act of this.#atEnd.splice(0)) act();
  }
}
