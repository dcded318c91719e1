/** Work in order per key: what is given for one key runs one after the other, keys run beside one another. */

/** A set of queues that exist only while they hold something. */
export class Series<Key> {
  readonly #last = new Map<Key, Promise<unknown>>();
  readonly #pending = new Map<Key, number>();

  /** How much is given for a key and not done. */
  pending(key: Key): number {
    return this.#pending.get(key) ?? 0;
  }

  /** Runs `work` after everything given before for the same key, whether that failed or not. */
  run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    this.#pending.set(key, this.pending(key) + 1);
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const settled = result.then(
      () => this.#done(key),
      () => this.#done(key),
    );
    this.#last.set(key, settled);
    return result;
  }

  #done(key: Key): void {
    const left = this.pending(key) - 1;
    if (left > 0) {
      this.#pending.set(key, left);
    } else {
      this.#pending.delete(key);
      this.#last.delete(key);
    }
  }
}
