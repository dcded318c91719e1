/**
 * The ledger of the outbox: its epoch, up to which sequence numbers are reserved, and per class up to where everything
 * is done. Two slots written in turn, each with a CRC, so that a torn write leaves the other one. Reserving ahead means
 * that a number is never used twice, even when a power cut took records that had been sent already.
 */

import { crc32 } from 'node:zlib';
import { type Epoch, epochSchema, type RecordClass } from '@nanofleet/protocol';
import type { Disk, DiskFile } from '@nanofleet/runtime/ports';
import { RECORD_CLASSES } from './outbox-format.ts';

const MAGIC = 0x4e464c31;
const SLOT_BYTES = 64;
/** Slots lie in different sectors, so that one torn sector cannot hit both. */
const SLOT_DISTANCE = 4_096;

/** What the ledger says. */
export interface LedgerEntry {
  readonly epoch: Epoch;
  /** Sequences below this may have been used. */
  readonly reserved: number;
  /** Records of a class with a sequence below this are done. */
  readonly done: Readonly<Record<RecordClass, number>>;
}

const encode = (entry: LedgerEntry, turn: number): Buffer => {
  const bytes = Buffer.alloc(SLOT_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(turn, 4);
  bytes.write(entry.epoch, 8, 'hex');
  bytes.writeUIntBE(entry.reserved, 16, 6);
  RECORD_CLASSES.forEach((name, index) => {
    bytes.writeUIntBE(entry.done[name], 22 + 6 * index, 6);
  });
  bytes.writeUInt32BE(crc32(bytes.subarray(0, SLOT_BYTES - 4)), SLOT_BYTES - 4);
  return bytes;
};

const decode = (bytes: Buffer): { entry: LedgerEntry; turn: number } | null => {
  const isWhole =
    bytes.length === SLOT_BYTES &&
    bytes.readUInt32BE(0) === MAGIC &&
    bytes.readUInt32BE(SLOT_BYTES - 4) === crc32(bytes.subarray(0, SLOT_BYTES - 4));
  if (!isWhole) return null;
  const [offload, event, decision] = [22, 28, 34].map((offset) => bytes.readUIntBE(offset, 6));
  return {
    turn: bytes.readUInt32BE(4),
    entry: {
      epoch: epochSchema.parse(bytes.toString('hex', 8, 16)),
      reserved: bytes.readUIntBE(16, 6),
      done: { offload: offload ?? 0, event: event ?? 0, decision: decision ?? 0 },
    },
  };
};

/** The open ledger. */
export class OutboxLedger {
  readonly file: DiskFile;
  #turn = 0;
  #entry: LedgerEntry | null = null;

  constructor(disk: Disk, path: string) {
    this.file = disk.open(path);
    for (const slot of [0, 1]) {
      const found = decode(Buffer.from(this.file.read(slot * SLOT_DISTANCE, SLOT_BYTES)));
      if (found === null || (this.#entry !== null && found.turn < this.#turn)) continue;
      this.#turn = found.turn;
      this.#entry = found.entry;
    }
  }

  /** The newest whole entry; null for a new or unreadable ledger. */
  get entry(): LedgerEntry | null {
    return this.#entry;
  }

  /** Writes an entry to the older slot; it is durable after the next sync. */
  write(entry: LedgerEntry): void {
    this.#turn = (this.#turn + 1) >>> 0;
    this.file.write(encode(entry, this.#turn), (this.#turn % 2) * SLOT_DISTANCE);
    this.#entry = entry;
  }
}
