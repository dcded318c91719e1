/**
 * What earlier updates on a base did not say for want of precision: one file per line, replaced with each update. Losing it costs a
 * little accuracy and nothing else, so a file that cannot be read counts as none. Never sent.
 *
 * File: CRC (uint32 big-endian) over the rest; digest of the base (32 bytes); lengths of both tensors (uint32); float32 little-endian.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Digest, LineId } from '@nanofleet/protocol';
import type { HeadDifference } from '@nanofleet/runtime';
import type { Disk, Log } from '@nanofleet/runtime/ports';
import { writeAtomically } from '../store/atomic-file.ts';
import { eraseFile } from '../store/erase-file.ts';

const NAME = /^residue-.*\.bin(\.new)?$/;
const DIGEST_AT = 4;
const LENGTHS_AT = 36;
const VALUES_AT = 44;

/** The residues of a device. */
export class Residues {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: Log;

  constructor(options: { disk: Disk; directory: string; log: Log }) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#log = options.log;
  }

  /** The residue of a line on this base; undefined when there is none. */
  read(line: LineId, base: Digest): HeadDifference | undefined {
    const stored = this.#disk.read(this.#pathOf(line));
    if (stored === null) return undefined;
    const bytes = Buffer.from(stored);
    const isWhole = bytes.length >= VALUES_AT && crc32(bytes.subarray(DIGEST_AT)) === bytes.readUInt32BE(0);
    if (!isWhole) {
      this.#log.warn('residue-not-read', { line, bytes: bytes.length });
      return undefined;
    }
    return bytes.toString('hex', DIGEST_AT, LENGTHS_AT) === base ? tensorsIn(bytes) : undefined;
  }

  /** Replaces the residue of a line. Throws the disk's error. */
  write(line: LineId, base: Digest, residue: HeadDifference): void {
    const [weight = new Float32Array(), bias = new Float32Array()] = residue;
    const bytes = Buffer.alloc(VALUES_AT + 4 * (weight.length + bias.length));
    bytes.write(base, DIGEST_AT, 'hex');
    bytes.writeUInt32BE(weight.length, LENGTHS_AT);
    bytes.writeUInt32BE(bias.length, LENGTHS_AT + 4);
    weight.forEach((value, at) => bytes.writeFloatLE(value, VALUES_AT + 4 * at));
    bias.forEach((value, at) => bytes.writeFloatLE(value, VALUES_AT + 4 * (weight.length + at)));
    bytes.writeUInt32BE(crc32(bytes.subarray(DIGEST_AT)), 0);
    writeAtomically(this.#disk, this.#pathOf(line), bytes);
  }

  /** Erases all. Throws the disk's error. */
  wipe(): { residues: number; bytes: number } {
    const erased = this.#disk
      .list(this.#directory)
      .filter((name) => NAME.test(name))
      .flatMap((name) => eraseFile(this.#disk, join(this.#directory, name)) ?? []);
    return { residues: erased.length, bytes: erased.reduce((sum, bytes) => sum + bytes, 0) };
  }

  #pathOf(line: LineId): string {
    return join(this.#directory, `residue-${line}.bin`);
  }
}

const tensorsIn = (bytes: Buffer): HeadDifference | undefined => {
  const [weights, biases] = [bytes.readUInt32BE(LENGTHS_AT), bytes.readUInt32BE(LENGTHS_AT + 4)];
  if (bytes.length !== VALUES_AT + 4 * (weights + biases)) return undefined;
  const floats = (from: number, length: number): Float32Array =>
    Float32Array.from({ length }, (_, at) => bytes.readFloatLE(VALUES_AT + 4 * (from + at)));
  return [floats(0, weights), floats(weights, biases)];
};
