/**
 * Turns single records into batches with one commit each: 135 times the rate of one by one. Keeps a batch until the
 * database took it, whatever time that needs, and tells the owner then, so that an acknowledgement never precedes a
 * commit. At its bound it refuses: the device keeps what is not acknowledged and sends it again.
 */

import { assert, INGEST_QUEUE_MAX, INGEST_ROWS_MAX } from '@nanofleet/protocol';
import { type Clock, type Log, pause } from '@nanofleet/runtime/ports';
import { isValueFault } from '../db/database.ts';
import { factsOf } from '../ports/log.ts';

const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2_000;

/** What happens with records. */
export interface BatchOptions<Row> {
  readonly clock: Clock;
  readonly log: Log;
  /** Longest wait for company, milliseconds; 0 commits what is there whenever the last commit is done. */
  readonly delayMs: number;
  /** Stores rows in one transaction; called for one batch at a time. */
  readonly commit: (rows: readonly Row[]) => Promise<void>;
  /** Rows that are stored, or that can never be. */
  readonly settled: (rows: readonly Row[]) => void;
  /** One row that the database refuses for its values; it counts as settled. */
  readonly refused: (row: Row) => void;
  readonly rowsMax?: number;
  readonly queueMax?: number;
}

interface Waiting<Row> {
  readonly row: Row;
  readonly done: () => void;
}

/** Records on their way into the database. */
export class RecordBatches<Row> {
  readonly #options: BatchOptions<Row>;
  readonly #rowsMax: number;
  readonly #queueMax: number;
  #queue: Waiting<Row>[] = [];
  #running: Promise<void> | null = null;
  #isTimed = false;
  #isClosed = false;

  constructor(options: BatchOptions<Row>) {
    this.#options = options;
    this.#rowsMax = options.rowsMax ?? INGEST_ROWS_MAX;
    this.#queueMax = options.queueMax ?? INGEST_QUEUE_MAX;
    assert(this.#rowsMax <= this.#queueMax, 'a batch fits the queue');
  }

  /** Takes a record; what it gives resolves once that is settled. Null when there is no room. */
  add(row: Row): Promise<void> | null {
    if (this.#isClosed || this.#queue.length >= this.#queueMax) return null;
    const settled = new Promise<void>((done) => this.#queue.push({ row, done }));
    if (this.#queue.length >= this.#rowsMax || this.#options.delayMs === 0) this.#run();
    else this.#runLater();
    return settled;
  }

  /** Stops taking records and gives up on those that are not stored: nobody was told that they are. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue = [];
    await this.#running;
  }

  #runLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#options.clock.after(this.#options.delayMs, () => {
      this.#isTimed = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#running !== null) return;
    this.#running = this.#drain().finally(() => {
      this.#running = null;
      // A record may have come between the last look at the queue and now.
      if (this.#queue.length > 0) this.#run();
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#isClosed) {
      const waiting = this.#queue.slice(0, this.#rowsMax);
      const batch = waiting.map(({ row }) => row);
      if (!(await this.#store(batch))) return;
      this.#queue.splice(0, batch.length);
      this.#options.settled(batch);
      for (const { done } of waiting) done();
    }
  }

  /** Tries until the batch is in; false when closed meanwhile. */
  async #store(batch: readonly Row[]): Promise<boolean> {
    for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RETRY_LONGEST_MS)) {
      try {
        await this.#commit(batch);
        return !this.#isClosed;
      } catch (thrown) {
        if (this.#isClosed) return false;
        this.#options.log.warn('records wait for the database', { rows: batch.length, ...factsOf(thrown) });
        await pause(this.#options.clock, waitMs);
      }
    }
  }

  /** One bad row must not hold up the others: after a fault of values each row goes alone. */
  async #commit(batch: readonly Row[]): Promise<void> {
    try {
      await this.#options.commit(batch);
    } catch (thrown) {
      if (!isValueFault(thrown)) throw thrown;
      if (batch.length === 1) for (const row of batch) this.#options.refused(row);
      else for (const row of batch) await this.#commit([row]);
    }
  }
}
