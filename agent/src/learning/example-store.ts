/**
 * The examples that a device learns from, on its disk (0600) and in memory, bounded in every way. Owns the log, its rewriting and its
 * erasing. Texts never leave this device, and no log line holds one.
 */
import { join } from 'node:path';
import {
  EXAMPLES_LOG_BYTES_MAX,
  type ExamplesAnswer,
  firstIssue,
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
  /** Null while the disk has no room even for an empty file: deciding goes on without it. */
  #file: CheckedLog | null;
  #rewriteAt = SLACK_BYTES;

  /**
   * Opens the store; what a crash tore is cut off.
   * @throws NanofleetError STATE_CORRUPT
   */
  constructor(options: ExampleStoreOptions) {
    this.#options = options;
    this.#path = join(options.directory, FILE);
    this.#file = this.#open();
    this.#age();
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
    this.#file ??= this.#open();
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

  /** Forgets everything, in memory and on the disk. @throws the disk's error; then some of it may still be there */
  wipe(): { examples: number; bytes: number } {
    const examples = this.#index.size;
    this.#index = new ExampleIndex();
    this.#rewriteAt = SLACK_BYTES;
    this.close();
    try {
      const beside = eraseFile(this.#options.disk, `${this.#path}.new`) ?? 0;
      return { examples, bytes: beside + (eraseFile(this.#options.disk, this.#path) ?? 0) };
    } finally {
      this.#file = this.#open();
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  /** The log, its changes applied; null when the disk has no room for it. */
  #open(): CheckedLog | null {
    const { disk, directory, log } = this.#options;
    try {
      disk.makeDirectory(directory);
      const file = new CheckedLog(disk, this.#path);
      const torn = file.recover((value) => this.#index.apply(this.#changeIn(value)));
      if (torn > 0) log.warn('examples-torn', { bytes: torn });
      return file;
    } catch (thrown) {
      if (!isDiskFull(thrown)) throw thrown;
      log.warn('examples-not-opened', { why: String(thrown) });
      return null;
    }
  }

  /** A change that is whole and has another form was written by another version: starting without it would lose labels. */
  #changeIn(value: unknown): Change {
    const parsed = changeSchema.safeParse(value);
    if (parsed.success) return parsed.data;
    const problem = `${this.#path} cannot be read: ${firstIssue(parsed.error)}. Restore it, or remove it to forget what was learnt from.`;
    throw new NanofleetError('STATE_CORRUPT', problem, { facts: { path: this.#path } });
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
    const file = this.#file;
    if (file === null || file.bytes >= EXAMPLES_LOG_BYTES_MAX) throw full();
    try {
      file.append(change, options);
    } catch (thrown) {
      throw isDiskFull(thrown) ? full(thrown) : thrown;
    }
    this.#index.apply(change);
    if (file.bytes >= this.#rewriteAt) this.#rewrite(file);
  }

  #rewrite(file: CheckedLog): void {
    try {
      file.rewrite(this.#index.changes());
    } catch (thrown) {
      this.#options.log.warn('examples-not-rewritten', { why: String(thrown) });
    }
    this.#rewriteAt = Math.max(2 * file.bytes, file.bytes + SLACK_BYTES);
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
