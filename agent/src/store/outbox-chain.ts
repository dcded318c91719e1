/**
 * The segments of one class, oldest first; the last is being written. Owns rolling to a new segment, dropping the oldest
 * one at a bound, and removing those that are done. Never chooses between classes.
 */

import { join } from 'node:path';
import { assert, OUTBOX_SEGMENTS_PER_CLASS_MAX, type RecordClass } from '@nanofleet/protocol';
import { type Disk, isDiskFull } from '@nanofleet/runtime/ports';
import { OutboxSegment } from './outbox-segment.ts';

/** What a segment of a class is called. */
const nameOf = (recordClass: RecordClass, number: number): string =>
  `${recordClass}-${String(number).padStart(10, '0')}.seg`;

/** What a chain needs to know of its outbox. */
export interface ChainOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly recordClass: RecordClass;
  readonly epoch: string;
  /** Told when records are lost: how many had not been done. */
  readonly lost: (records: number, reason: 'bound' | 'disk-full') => void;
  /** Told of each file that is no longer used, to be closed when no sync is under way. */
  readonly retired: (segment: OutboxSegment) => void;
}

/** One class of the outbox. */
export class OutboxChain {
  readonly #options: ChainOptions;
  #segments: OutboxSegment[] = [];
  #nextNumber = 1;

  constructor(options: ChainOptions) {
    this.#options = options;
  }

  get segments(): readonly OutboxSegment[] {
    return this.#segments;
  }

  /** Records not done. */
  get open(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.open, 0);
  }

  /** Records sent and not done. */
  get sent(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sent, 0);
  }

  /** Highest sequence of the class; -1 when nothing was ever written. */
  get lastSequence(): number {
    return this.#segments.at(-1)?.lastSequence ?? -1;
  }

  /** Sequence below which everything of this class is done. */
  doneBelow(next: number): number {
    for (const segment of this.#segments) {
      const first = segment.firstOpen();
      if (first !== null) return first;
    }
    return next;
  }

  /** Takes a segment found at the start into the chain, in the order of their numbers. */
  adopt(segment: OutboxSegment): void {
    this.#segments.push(segment);
    this.#segments.sort((a, b) => a.header.number - b.header.number);
    this.#nextNumber = Math.max(this.#nextNumber, segment.header.number + 1);
  }

  /**
   * The segment with room for a frame, made when needed.
   * @param spare gives a segment whose space may be taken over when the disk is full; null when there is none
   * @throws the disk's error when there is no space anywhere
   */
  segmentFor(frameBytes: number, sequence: number, spare: () => OutboxSegment | null): OutboxSegment {
    const active = this.#segments.at(-1);
    if (active?.hasRoom(frameBytes) === true) return active;
    this.removeDone();
    if (this.#segments.length >= OUTBOX_SEGMENTS_PER_CLASS_MAX) this.#dropOldest();
    const made = this.#make(sequence, spare);
    this.#segments.push(made);
    assert(made.hasRoom(frameBytes), 'a record fits an empty segment');
    return made;
  }

  /** Makes the first segment when there is none. Throws the disk's error. */
  prepare(sequence: number): void {
    if (this.#segments.length === 0) this.#segments.push(this.#make(sequence, () => null));
  }

  /** Gives up the oldest segment, so that its space can be used; null when there is none. */
  surrenderOldest(reason: 'bound' | 'disk-full'): OutboxSegment | null {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return null;
    if (oldest.open > 0) this.#options.lost(oldest.open, reason);
    return oldest;
  }

  /** Removes segments that are wholly done; the last stays, for it tells the highest sequence. */
  removeDone(): void {
    const [done, kept] = [this.#segments.slice(0, -1), this.#segments.slice(-1)];
    for (const segment of done.filter(({ open }) => open === 0)) this.#unlink(segment);
    this.#segments = [...done.filter(({ open }) => open > 0), ...kept];
  }

  #dropOldest(): void {
    const oldest = this.surrenderOldest('bound');
    if (oldest !== null) this.#unlink(oldest);
  }

  #unlink(segment: OutboxSegment): void {
    this.#options.disk.unlink(segment.path);
    this.#options.retired(segment);
  }

  #make(sequence: number, spare: () => OutboxSegment | null): OutboxSegment {
    const { disk, directory, recordClass, epoch } = this.#options;
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const path = join(directory, nameOf(recordClass, number));
    const header = { recordClass, epoch, number, firstSequence: sequence };
    try {
      const made = OutboxSegment.create(disk, path, header);
      disk.syncDirectory(directory);
      return made;
    } catch (thrown) {
      const old = isDiskFull(thrown) ? spare() : null;
      if (old === null) throw thrown;
      return OutboxSegment.recycle(disk, old, { path, header });
    }
  }
}
