/**
 * One preallocated segment file with an index of its records in memory: where each lies and how far it has come.
 * Appends, reads, cuts a torn tail. Never decides what is dropped or sent.
 */

import { assert, OUTBOX_SEGMENT_BYTES } from '@nanofleet/protocol';
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';
import {
  decodeFrame,
  decodeSegmentHeader,
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  frameLengthAt,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  type StoredFrame,
} from './outbox-format.ts';

/** A piece of emptiness: a whole segment of it would stay in memory for ever. */
const EMPTY = new Uint8Array(64 * 1024);

const writeEmptiness = (file: DiskFile, from: number): void => {
  for (let at = from; at < OUTBOX_SEGMENT_BYTES; at += EMPTY.length) {
    file.write(EMPTY.subarray(0, OUTBOX_SEGMENT_BYTES - at), at);
  }
};

/** How far a record has come: not sent in this session. */
const WAITING = 0;
/** Sent in this session and not acknowledged. */
export const SENT = 1;
/** Acknowledged or expired. */
export const DONE = 2;
type RecordState = typeof WAITING | typeof SENT | typeof DONE;

/** A segment and the index of its records. */
export class OutboxSegment {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly file: DiskFile;
  /** Ascending. */
  readonly sequences: number[] = [];
  readonly #offsets: number[] = [];
  readonly #expiries: number[] = [];
  readonly #states: RecordState[] = [];
  #end = SEGMENT_HEADER_BYTES;
  #open = 0;
  #sent = 0;
  /** No record before this index is WAITING. */
  #unsent = 0;

  private constructor(header: SegmentHeader, path: string, file: DiskFile) {
    this.header = header;
    this.path = path;
    this.file = file;
  }

  /** Makes a segment, taking all its space at once, so that a full disk is met here and not in the middle of it. */
  static create(disk: Disk, path: string, header: SegmentHeader): OutboxSegment {
    const file = disk.open(path);
    try {
      writeEmptiness(file, 0);
      file.write(encodeSegmentHeader(header), 0);
    } catch (thrown) {
      file.close();
      disk.unlink(path);
      throw thrown;
    }
    return new OutboxSegment(header, path, file);
  }

  /** Takes over the space of a segment that is no longer needed: works also when the disk is full. */
  static recycle(
    disk: Disk,
    old: OutboxSegment,
    options: { path: string; header: SegmentHeader },
  ): OutboxSegment {
    const { path, header } = options;
    writeEmptiness(old.file, 0);
    old.file.write(encodeSegmentHeader(header), 0);
    disk.rename(old.path, path);
    return new OutboxSegment(header, path, old.file);
  }

  /** Reads a segment after a start, cutting it at the first frame that is not whole; null when it has no header. */
  static open(disk: Disk, path: string): { segment: OutboxSegment; isTorn: boolean } | null {
    const file = disk.open(path);
    const bytes = Buffer.from(file.read(0, OUTBOX_SEGMENT_BYTES));
    const header = decodeSegmentHeader(bytes);
    if (header === null) {
      file.close();
      return null;
    }
    const segment = new OutboxSegment(header, path, file);
    const isTorn = segment.#index(bytes);
    if (isTorn) {
      writeEmptiness(file, segment.#end);
      file.syncNow();
    }
    return { segment, isTorn };
  }

  /** Records not done. */
  get open(): number {
    return this.#open;
  }

  /** Records sent and not done. */
  get sent(): number {
    return this.#sent;
  }

  /** Highest sequence inside, or the one before the first that may come. */
  get lastSequence(): number {
    return this.sequences.at(-1) ?? this.header.firstSequence - 1;
  }

  hasRoom(frameBytes: number): boolean {
    return this.#end + frameBytes <= OUTBOX_SEGMENT_BYTES;
  }

  /** Appends an encoded frame: accepted once this returns. */
  append(bytes: Uint8Array, frame: Pick<StoredFrame, 'sequence' | 'expiresAtMs'>): void {
    this.file.write(bytes, this.#end);
    this.#note(frame, this.#end);
    this.#end += bytes.length;
  }

  /** Index of the next record that waits to be sent; -1 for none. */
  nextUnsent(): number {
    while (this.#unsent < this.#states.length && this.#states[this.#unsent] !== WAITING) this.#unsent += 1;
    return this.#unsent < this.#states.length ? this.#unsent : -1;
  }

  /** Milliseconds since 1970 when a record stops being of use; 0 for never. */
  expiryAt(index: number): number {
    return this.#expiries[index] ?? 0;
  }

  /** The record at an index, read from the file. */
  frameAt(index: number): StoredFrame {
    const offset = this.#offsets[index];
    assert(offset !== undefined, 'a record of the index is in the file');
    const head = Buffer.from(this.file.read(offset, FRAME_HEADER_BYTES));
    return decodeFrame(Buffer.from(this.file.read(offset, FRAME_HEADER_BYTES + head.readUInt32BE(0))), 0);
  }

  /** Marks a record; returns the state that it had. */
  mark(index: number, state: RecordState): RecordState {
    const before = this.#states[index] ?? DONE;
    if (before === DONE || before === state) return before;
    this.#states[index] = state;
    if (before === SENT) this.#sent -= 1;
    if (state === SENT) this.#sent += 1;
    if (state === DONE) this.#open -= 1;
    if (state === WAITING) this.#unsent = Math.min(this.#unsent, index);
    return before;
  }

  /** Makes all sent records wait again. */
  rewind(): void {
    for (let index = 0; index < this.#states.length; index += 1) {
      if (this.#states[index] === SENT) this.mark(index, WAITING);
    }
  }

  /** Index of the first record with this sequence or a higher one. */
  indexFrom(sequence: number): number {
    let low = 0;
    let high = this.sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.sequences[middle] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sequence of the first record that is not done; null when all are. */
  firstOpen(): number | null {
    if (this.#open === 0) return null;
    const index = this.#states.findIndex((state) => state !== DONE);
    return this.sequences[index] ?? null;
  }

  #note(frame: Pick<StoredFrame, 'sequence' | 'expiresAtMs'>, offset: number): void {
    this.sequences.push(frame.sequence);
    this.#offsets.push(offset);
    this.#expiries.push(frame.expiresAtMs);
    this.#states.push(WAITING);
    this.#open += 1;
  }

  #index(bytes: Buffer): boolean {
    for (;;) {
      const length = frameLengthAt(bytes, this.#end);
      if (length === 0) return false;
      if (length === null) return true;
      this.#note(decodeFrame(bytes, this.#end), this.#end);
      this.#end += length;
    }
  }
}
