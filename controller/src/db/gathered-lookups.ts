/**
 * Lookups that come together, or while one is on its way, in one statement. What is found was there after it was asked for:
 * nothing is kept.
 */

interface Gathered<Key, Row> {
  readonly keys: Set<Key>;
  readonly rows: Promise<ReadonlyMap<Key, Row>>;
}

/** Rows by their keys. */
export class GatheredLookups<Key, Row> {
  readonly #load: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Row>>;
  #next: Gathered<Key, Row> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** @param load the rows of different keys; keys without one are left out */
  constructor(load: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Row>>) {
    this.#load = load;
  }

  /** The row of a key, or undefined; rejects with what the statement failed with. */
  async of(key: Key): Promise<Row | undefined> {
    this.#next ??= this.#gather();
    this.#next.keys.add(key);
    return (await this.#next.rows).get(key);
  }

  #gather(): Gathered<Key, Row> {
    const keys = new Set<Key>();
    const rows = this.#last.then(() => {
      this.#next = null;
      return this.#load([...keys]);
    });
    this.#last = rows.catch(() => undefined);
    return { keys, rows };
  }
}
