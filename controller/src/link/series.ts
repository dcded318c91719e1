/** Work in order per key: what is given for one key runs one after the other, keys run beside one another. */

/** A set of queues that exist only while they hold something. */
export class Series<Key> {
  readonly #last = new Map<Key, Promise<unknown>>();

  /** Runs `work` after everything given before for the same key, whether that failed or not. */
  run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    const settled = result
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    this.#last.set(key, settled);
    return result;
  }
}
