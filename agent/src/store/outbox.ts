/**
 * The outbox: records that must reach the controller exactly once in effect. Owns their order, numbers, bounds and
 * durability; a record leaves only by acknowledgement, by its deadline, or at a stated bound, counted. Never sends.
 */

import { join } from 'node:path';
import {
  type Ack,
  type Epoch,
  epochSchema,
  makeEpoch,
  NanofleetError,
  OUTBOX_RECORD_BYTES_MAX,
  OUTBOX_WINDOW_RECORDS,
  type RecordClass,
} from '@nanofleet/protocol';
import { type Clock, type Disk, type Log, type Random, silentLog } from '@nanofleet/runtime/ports';
import { OutboxChain } from './outbox-chain.ts';
import { encodeFrame, FRAME_HEADER_BYTES, RECORD_CLASSES, type StoredFrame } from './outbox-format.ts';
import { OutboxLedger } from './outbox-ledger.ts';
import { type DropReason, type Drops, OutboxLosses } from './outbox-losses.ts';
import { DONE, OutboxSegment, SENT } from './outbox-segment.ts';
import { OutboxSync } from './outbox-sync.ts';

/** Sequences reserved by one durable write of the ledger. */
const RESERVE = 65_536;
/** Added when the ledger is lost and only the segments tell what was used. */
const RESERVE_AFTER_LOSS = 2 ** 32;
/** Numbers that a start leaps over at most: six bytes of a sequence last for eight million starts. */
const LEAP = 2 ** 26;
/** Of the window, so much is open only to classes above the lowest: a backlog of decisions must not hold up an offload. */
const WINDOW_FOR_HIGHER = OUTBOX_WINDOW_RECORDS / 4;

/** How long a class is not tried again after the disk had no room for it. */
const REFUSED_FOR_MICROS = 1_000_000;
/** How long after that the disk still counts as full. */
const LOSING_FOR_MICROS = 5_000_000;

/** How a record is kept. */
export interface AppendOptions {
  /** When it stops being of use, milliseconds of `steadyMs`; 0, the default, for never. */
  readonly expiresAtMs?: number;
  /** Somebody waits for it to be durable: it is tried also shortly after the disk had no room. */
  readonly isUrgent?: boolean;
}

/** A record taken for sending. */
export interface OutboxRecord extends StoredFrame {
  readonly recordClass: RecordClass;
}

/** Figures of one class. */
export interface ClassFigures {
  readonly records: number;
  readonly dropped: number;
  readonly expired: number;
}

/** What an outbox needs. */
export interface OutboxOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  /** The time that expiries are of; the clock's own when left out. */
  readonly steadyMs?: () => number;
}

/** The outbox of a device. */
export class Outbox {
  readonly epoch: Epoch;
  readonly #options: OutboxOptions;
  readonly #chains: ReadonlyMap<RecordClass, OutboxChain>;
  readonly #ledger: OutboxLedger;
  readonly #sync: OutboxSync;
  readonly #losses = new OutboxLosses();
  readonly #scratch = Buffer.alloc(OUTBOX_RECORD_BYTES_MAX + FRAME_HEADER_BYTES);
  readonly #log: Log;
  /** Until when a class is not tried again after the disk had no room for it, monotonic microseconds. */
  readonly #refusedUntil: Record<RecordClass, number> = { offload: 0, event: 0, decision: 0 };
  #next = 0;
  #reserved = 0;
  #delivered = 0;

  /** Opens the outbox of a directory, or makes a new one with a new epoch. */
  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    options.disk.makeDirectory(options.directory);
    this.#sync = new OutboxSync(options.clock, (thrown) =>
      this.#log.warn('outbox-sync-failed', { why: String(thrown) }),
    );
    this.#ledger = new OutboxLedger(options.disk, join(options.directory, 'ledger'));
    const found = this.#readSegments();
    this.epoch = this.#epochOf(found);
    this.#chains = new Map(RECORD_CLASSES.map((name) => [name, this.#makeChain(name)]));
    this.#adopt(found);
    this.#reserve();
    this.prepare();
  }

  /** Records not done, all classes. */
  get waiting(): number {
    return RECORD_CLASSES.reduce((sum, name) => sum + this.#chain(name).open, 0);
  }

  /** Whether records are being lost because the disk has no room. */
  get isLosing(): boolean {
    // A class that is seldom written would not notice for long that there is room again: only late refusals count.
    const sinceMicros = this.#options.clock.monotonicMicros() - LOSING_FOR_MICROS;
    return RECORD_CLASSES.some(
      (name) => this.#refusedUntil[name] > 0 && this.#refusedUntil[name] > sinceMicros,
    );
  }

  /** Records acknowledged since the process started. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Records sent and not acknowledged yet. */
  get inFlight(): number {
    return RECORD_CLASSES.reduce((sum, name) => sum + this.#chain(name).sent, 0);
  }

  /** Figures per class; dropped and expired since the process started. */
  figures(): Record<RecordClass, ClassFigures> {
    const of = (name: RecordClass) => ({ ...this.#losses.of(name), records: this.#chain(name).open });
    return { offload: of('offload'), event: of('event'), decision: of('decision') };
  }

  /**
   * Appends a record; once this returns true it survives the end of the process. False: it was lost and counted,
   * because there is no space on the disk.
   * @throws NanofleetError RECORD_TOO_LARGE
   */
  append(recordClass: RecordClass, payload: string, options: AppendOptions = {}): boolean {
    const isKept = this.#tryAppend(recordClass, payload, options);
    if (!isKept) this.#lost(recordClass, 'disk-full', 1);
    return isKept;
  }

  /**
   * Turns losses that were not reported yet into records of the class `event`; what does not fit stays for the next call.
   * @param encode the payload of one report
   */
  reportDrops(encode: (drops: Drops) => string): void {
    this.#losses.report((drops) => this.#tryAppend('event', encode(drops), {}));
  }

  /** Takes the room of one segment per class, as far as there is some: at the start, and when the disk was full. */
  prepare(): void {
    for (const name of RECORD_CLASSES) {
      try {
        this.#chain(name).prepare(this.#next);
        this.#refusedUntil[name] = 0;
      } catch (thrown) {
        this.#refused(name, thrown);
      }
    }
  }

  /** Resolves when everything appended so far is durable; rejects with the disk's error. */
  flushed(): Promise<void> {
    return this.#sync.flushed();
  }

  /** Takes up to so many records for sending, highest class first, oldest first, as far as the window allows. */
  take(limit: number): OutboxRecord[] {
    const taken: OutboxRecord[] = [];
    const before = this.inFlight;
    for (const name of RECORD_CLASSES) {
      const window = name === 'decision' ? OUTBOX_WINDOW_RECORDS - WINDOW_FOR_HIGHER : OUTBOX_WINDOW_RECORDS;
      for (const segment of this.#chain(name).segments) {
        while (taken.length < limit && before + taken.length < window) {
          const index = segment.nextUnsent();
          if (index === -1) break;
          const record = this.#takeOne(name, segment, index);
          if (record !== null) taken.push(record);
        }
      }
    }
    return taken;
  }

  /** Forgets what was sent in a session that has ended: it is sent again. */
  rewind(): void {
    for (const chain of this.#chains.values()) for (const segment of chain.segments) segment.rewind();
  }

  /** Takes the controller's acknowledgement; one of another epoch is ignored. Returns how many records it finished. */
  acknowledge(ack: Ack): number {
    if (ack.epoch !== this.epoch) return 0;
    let finished = 0;
    for (const [from, to] of ack.ranges) {
      for (const chain of this.#chains.values()) {
        for (const segment of chain.segments) finished += this.#finishRange(segment, from, to);
      }
    }
    this.#delivered += finished;
    if (finished > 0) this.#settle();
    return finished;
  }

  /** All records of a class that are still on disk, the acknowledged ones included; oldest first. */
  *recordsOf(recordClass: RecordClass): Generator<OutboxRecord> {
    for (const segment of this.#chain(recordClass).segments) {
      for (let index = 0; index < segment.sequences.length; index += 1) {
        yield { recordClass, ...segment.frameAt(index) };
      }
    }
  }

  /** Makes everything durable. The outbox may not be used afterwards. */
  async close(): Promise<void> {
    this.#writeLedger();
    await this.#sync
      .flushed()
      .catch((thrown: unknown) => this.#log.warn('outbox-close-failed', { why: String(thrown) }));
    for (const chain of this.#chains.values()) for (const { file } of chain.segments) file.close();
    this.#ledger.file.close();
  }

  #steadyMs(): number {
    return this.#options.steadyMs?.() ?? this.#options.clock.unixMs();
  }

  #chain(name: RecordClass): OutboxChain {
    return this.#chains.get(name) ?? this.#makeChain(name);
  }

  #tryAppend(recordClass: RecordClass, payload: string, options: AppendOptions): boolean {
    if (
      payload.length * 3 > OUTBOX_RECORD_BYTES_MAX &&
      Buffer.byteLength(payload) > OUTBOX_RECORD_BYTES_MAX
    ) {
      const problem = `a record of ${Buffer.byteLength(payload)} bytes is over the limit of ${OUTBOX_RECORD_BYTES_MAX}`;
      throw new NanofleetError('RECORD_TOO_LARGE', problem);
    }
    const nowMicros = this.#options.clock.monotonicMicros();
    if (nowMicros < this.#refusedUntil[recordClass] && options.isUrgent !== true) return false;
    const { expiresAtMs = 0 } = options;
    try {
      const recordedAtMs = this.#options.clock.unixMs();
      this.#write(recordClass, { sequence: this.#next, expiresAtMs, recordedAtMs, payload });
      this.#refusedUntil[recordClass] = 0;
      return true;
    } catch (thrown) {
      this.#refused(recordClass, thrown);
      return false;
    }
  }

  /** Making a segment only to find that there is no room takes longer than a decision: not for every record. */
  #refused(recordClass: RecordClass, thrown: unknown): void {
    this.#refusedUntil[recordClass] = this.#options.clock.monotonicMicros() + REFUSED_FOR_MICROS;
    this.#log.warn('outbox-append-failed', { class: recordClass, why: String(thrown) });
  }

  #write(recordClass: RecordClass, frame: StoredFrame): void {
    if (this.#next >= this.#reserved) this.#reserve();
    const length = encodeFrame(this.#scratch, frame);
    const chain = this.#chain(recordClass);
    const segment = chain.segmentFor(length, frame.sequence, () => this.#spareFor(recordClass));
    segment.append(this.#scratch.subarray(0, length), frame);
    this.#sync.wrote(segment.file);
    this.#next += 1;
  }

  /** On a full disk: the oldest segment of the lowest class, at last of the class itself, whose newest record counts more. */
  #spareFor(recordClass: RecordClass): OutboxSegment | null {
    const upTo = RECORD_CLASSES.slice(RECORD_CLASSES.indexOf(recordClass)).toReversed();
    for (const name of upTo) {
      const spare = this.#chain(name).surrenderOldest('disk-full');
      if (spare !== null) return spare;
    }
    return null;
  }

  #takeOne(name: RecordClass, segment: OutboxSegment, index: number): OutboxRecord | null {
    const expiry = segment.expiryAt(index);
    if (expiry > 0 && expiry <= this.#steadyMs()) {
      segment.mark(index, DONE);
      this.#lost(name, 'expired', 1);
      return null;
    }
    segment.mark(index, SENT);
    return { recordClass: name, ...segment.frameAt(index) };
  }

  #finishRange(segment: OutboxSegment, from: number, to: number): number {
    let finished = 0;
    for (let index = segment.indexFrom(from); (segment.sequences[index] ?? Infinity) <= to; index += 1) {
      const before = segment.mark(index, DONE);
      if (before !== DONE) finished += 1;
    }
    return finished;
  }

  #settle(): void {
    for (const chain of this.#chains.values()) chain.removeDone();
    this.#writeLedger();
  }

  #writeLedger(): void {
    try {
      const done = (name: RecordClass) => this.#chain(name).doneBelow(this.#next);
      this.#ledger.write({
        epoch: this.epoch,
        reserved: this.#reserved,
        done: { offload: done('offload'), event: done('event'), decision: done('decision') },
      });
      this.#sync.wrote(this.#ledger.file);
    } catch (thrown) {
      // Without it a restart sends some acknowledged records again; the controller knows them.
      this.#log.warn('outbox-ledger-failed', { why: String(thrown) });
    }
  }

  /**
   * Two copies of one directory would number different records alike, and the controller would take those of the second
   * for duplicates: each start goes on at a place of its own.
   */
  #leap(): number {
    return Math.floor(this.#options.random.share() * LEAP);
  }

  /** Reserves the next numbers durably before the first of them is used. */
  #reserve(): void {
    this.#reserved = this.#next + RESERVE;
    this.#writeLedger();
    try {
      this.#ledger.file.syncNow();
    } catch (thrown) {
      this.#log.warn('outbox-ledger-failed', { why: String(thrown) });
    }
  }

  #lost(name: RecordClass, reason: DropReason, dropped: number): void {
    this.#losses.add({ class: name, reason, dropped });
  }

  #makeChain(recordClass: RecordClass): OutboxChain {
    return new OutboxChain({
      disk: this.#options.disk,
      directory: this.#options.directory,
      recordClass,
      epoch: this.epoch,
      lost: (records, reason) => this.#lost(recordClass, reason, records),
      retired: ({ file }) => this.#sync.retire(file),
    });
  }

  #readSegments(): { segment: OutboxSegment; isTorn: boolean }[] {
    const { disk, directory } = this.#options;
    const found: { segment: OutboxSegment; isTorn: boolean }[] = [];
    for (const name of disk.list(directory).filter((entry) => entry.endsWith('.seg'))) {
      const opened = OutboxSegment.open(disk, join(directory, name));
      if (opened === null) this.#giveUpSegment(name);
      else found.push(opened);
    }
    return found;
  }

  /** A segment without its header: nobody knows how many records it held, so it counts as one loss. */
  #giveUpSegment(name: string): void {
    const { disk, directory } = this.#options;
    const path = join(directory, name);
    const recordClass = RECORD_CLASSES.find((known) => name.startsWith(`${known}-`)) ?? 'decision';
    // Nothing but zeros: the process was killed while it made the file, before any record was in it.
    if (disk.read(path)?.some((byte) => byte !== 0) === true) this.#lost(recordClass, 'corrupt', 1);
    disk.unlink(path);
  }

  #epochOf(found: readonly { segment: OutboxSegment }[]): Epoch {
    const written = this.#ledger.entry?.epoch ?? found[0]?.segment.header.epoch;
    return written === undefined ? makeEpoch(this.#options.random.bytes(8)) : epochSchema.parse(written);
  }

  #adopt(found: readonly { segment: OutboxSegment; isTorn: boolean }[]): void {
    for (const { segment, isTorn } of found) {
      if (segment.header.epoch !== this.epoch) {
        this.#options.disk.unlink(segment.path);
        continue;
      }
      const name = segment.header.recordClass;
      this.#chain(name).adopt(segment);
      this.#finishRange(segment, 0, (this.#ledger.entry?.done[name] ?? 0) - 1);
      if (isTorn) this.#lost(name, 'corrupt', 1);
    }
    const last = Math.max(-1, ...[...this.#chains.values()].map((chain) => chain.lastSequence));
    const entry = this.#ledger.entry;
    if (entry !== null) this.#next = Math.max(entry.reserved, last + 1) + this.#leap();
    else this.#next = last === -1 ? 0 : last + RESERVE_AFTER_LOSS;
  }
}
