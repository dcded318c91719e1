/**
 * A log of JSON values in one file, each behind its length and CRC, and how it is read after a crash: up to the first frame that is not
 * whole. Owns the bytes and their durability; never knows what a value means.
 */
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';
import { writeAtomically } from './atomic-file.ts';

/** Bytes before a value: its length and its CRC, big-endian. */
const HEADER_BYTES = 8;

const frameOf = (value: unknown): Buffer => {
  const payload = Buffer.from(JSON.stringify(value), 'utf8');
  const frame = Buffer.alloc(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(crc32(payload), 4);
  payload.copy(frame, HEADER_BYTES);
  return frame;
};

/** The payload of the frame at a position; null where no whole one begins. An empty one is none: zeros are what a lost write leaves. */
const payloadAt = (bytes: Buffer, at: number): Buffer | null => {
  if (at + HEADER_BYTES > bytes.length) return null;
  const length = bytes.readUInt32BE(at);
  const payload = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
  return length > 0 && payload.length === length && crc32(payload) === bytes.readUInt32BE(at + 4)
    ? payload
    : null;
};

/** A log in a file. */
export class CheckedLog {
  readonly #disk: Disk;
  readonly #path: string;
  #file: DiskFile;
  #end = 0;

  /** Opens or makes the log. Read it before anything is appended. */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    const isNew = disk.readPiece(path, { from: 0, length: 1 }) === null;
    this.#file = disk.open(path);
    if (isNew) disk.syncDirectory(dirname(path));
  }

  get bytes(): number {
    return this.#end;
  }

  /** All whole values from the beginning; cuts off what follows them and returns how many bytes that was. */
  recover(take: (value: unknown) => void): number {
    const bytes = Buffer.from(this.#file.read(0, this.#file.size()));
    this.#end = 0;
    for (let payload = payloadAt(bytes, 0); payload !== null; payload = payloadAt(bytes, this.#end)) {
      take(JSON.parse(payload.toString('utf8')));
      this.#end += HEADER_BYTES + payload.length;
    }
    const torn = bytes.length - this.#end;
    if (torn > 0) {
      this.#file.truncate(this.#end);
      this.#file.syncNow();
    }
    return torn;
  }

  /** Appends a value; it survives a kill once this returns, and a power cut when `isDurable`. Throws the disk's error. */
  append(value: unknown, { isDurable }: { isDurable: boolean }): void {
    const frame = frameOf(value);
    this.#file.write(frame, this.#end);
    if (isDurable) this.#file.syncNow();
    this.#end += frame.length;
  }

  /** Replaces everything by these values, or leaves all as it is when that fails. Throws the disk's error. */
  rewrite(values: readonly unknown[]): void {
    writeAtomically(this.#disk, this.#path, Buffer.concat(values.map(frameOf)));
    this.#file.close();
    this.#file = this.#disk.open(this.#path);
    this.#end = this.#file.size();
  }

  close(): void {
    this.#file.close();
  }
}
