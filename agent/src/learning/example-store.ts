/**
 * The examples that a device learns from, on its disk (0600) and in memory, bounded in every way. Owns the log, its rewriting and its
 * erasing. Texts never leave this device, and no log line holds one.
 */
import { join } from 'node:path';
import {
  EXAMPLES_LOG_BYTES_MAX,
  type ExamplesAnswer,
  type LabelAnswer,
  lineIdSchema,
  NanofleetError,
} from '@nanofleet/protocol';
import { type Clock, type Disk, isDiskFull, type Log, type Random } from '@nanofleet/runtime/ports';
import { CheckedLog } from '../store/checked-log.ts';
import { eraseFile } from '../store/erase-file.ts';
import { type Change, changeSchema, type Example, ExampleIndex, type Offer } from './example-index.ts';

const FILE = 'examples.log';
/** The log is written anew beyond twice what its texts need and this. */
const SLACK_BYTES = 64 * 1024;

/** What the store needs. */
export interface ExampleStoreOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly directory: string;
}

/** The examples of a device. */
export class ExampleStore {
  readonly #options: ExampleStoreOptions;
  readonly #path: string;
  #index = new ExampleIndex();
  #file: CheckedLog;
  #rewriteAt = SLACK_BYTES;

  /** Opens the store; what a crash tore is cut off. */
  constructor(options: ExampleStoreOptions) {
    this.#options = options;
    options.disk.makeDirectory(options.directory);
    this.#path = join(options.directory, FILE);
    this.#file = new CheckedLog(options.disk, this.#path);
    this.#recover();
  }

  get size(): number {
    return this.#index.size;
  }

  /** Examples of a line, oldest first; those that are too old are forgotten first. */
  of(line: string): Example[] {
    this.#age();
    return this.#index.all().filter((example) => example.line === line);
  }

  /**
   * Takes a text with its label.
   * @throws NanofleetError DISK_FULL; then the store is as it was
   */
  offer(offer: Offer): { outcome: LabelAnswer['outcome']; examples: number } {
    const { change, outcome } = this.#index.plan(offer, () => this.#options.random.share());
    if (change !== null) this.#commit(change, { isDurable: offer.origin === 'local' });
    return { outcome, examples: this.#index.countLike(offer) };
  }

  /** Counts per line and label; no text. */
  counts(): ExamplesAnswer {
    const all = this.#index.all();
    const byLabel = new Map<string, ExamplesAnswer['labels'][number]>();
    for (const { line, label, origin } of all) {
      const key = JSON.stringify([line, label]);
      const before = byLabel.get(key) ?? { line: lineIdSchema.parse(line), label, local: 0, offloaded: 0 };
      const of = origin === 'local' ? 'local' : 'offloaded';
      byLabel.set(key, { ...before, [of]: before[of] + 1 });
    }
    const oldestAt = all.length === 0 ? null : Math.round(Math.min(...all.map(({ at }) => at)));
    return { labels: [...byLabel.values()], total: all.length, bytes: this.#index.bytes, oldestAt };
  }

  /** Forgets everything, in memory and on the disk. @throws the disk's error; what memory held is gone in any case */
  wipe(): { examples: number; bytes: number } {
    const examples = this.#index.size;
    this.#index = new ExampleIndex();
    this.#rewriteAt = SLACK_BYTES;
    this.#file.close();
    try {
      const beside = eraseFile(this.#options.disk, `${this.#path}.new`) ?? 0;
      return { examples, bytes: beside + (eraseFile(this.#options.disk, this.#path) ?? 0) };
    } finally {
      this.#file = new CheckedLog(this.#options.disk, this.#path);
      this.#recover();
    }
  }

  close(): void {
    this.#file.close();
  }

  #recover(): void {
    const { log } = this.#options;
    const torn = this.#file.recover((value) => this.#index.apply(changeSchema.parse(value)));
    if (torn > 0) log.warn('examples-torn', { bytes: torn });
    this.#age();
  }

  #age(): void {
    const change = this.#index.planAging(this.#options.clock.unixMs());
    if (change === null) return;
    try {
      this.#commit(change, { isDurable: true });
    } catch (thrown) {
      this.#options.log.warn('examples-not-aged', { why: String(thrown) });
    }
  }

  /** On the disk first: what memory says is what the next process finds. */
  #commit(change: Change, options: { isDurable: boolean }): void {
    if (this.#file.bytes >= EXAMPLES_LOG_BYTES_MAX) throw full();
    try {
      this.#file.append(change, options);
    } catch (thrown) {
      throw isDiskFull(thrown) ? full(thrown) : thrown;
    }
    this.#index.apply(change);
    if (this.#file.bytes >= this.#rewriteAt) this.#rewrite();
  }

  #rewrite(): void {
    try {
      this.#file.rewrite(this.#index.changes());
    } catch (thrown) {
      this.#options.log.warn('examples-not-rewritten', { why: String(thrown) });
    }
    this.#rewriteAt = Math.max(2 * this.#file.bytes, this.#file.bytes + SLACK_BYTES);
  }
}

const full = (cause?: unknown): NanofleetError =>
  new NanofleetError(
    'DISK_FULL',
    'the example could not be kept; free some space, or wipe what is learnt from',
    {
      cause,
    },
  );
