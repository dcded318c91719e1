/**
 * Bytes of the outbox: the header of a segment, the frame of a record, and how a segment is read after a crash.
 * Pure; owns no file. Numbers are big-endian; sequences and times take six bytes (2^48 - 1 is enough for 8,900 years of ms).
 */
import { crc32 } from 'node:zlib';
import type { RecordClass } from '@nanofleet/protocol';

/** Classes in the order of the protocol, highest first. */
export const RECORD_CLASSES = ['offload', 'event', 'decision'] as const satisfies readonly RecordClass[];

const MAGIC = Buffer.from('NFO1', 'latin1');
/** Bytes before the first record. */
export const SEGMENT_HEADER_BYTES = 32;
/** Bytes before a record's payload: length, CRC, sequence, expiry, time of recording. */
export const FRAME_HEADER_BYTES = 26;
const CRC_OFFSET = 4;
const CHECKED_OFFSET = 8;

/** What a segment says of itself. */
export interface SegmentHeader {
  readonly recordClass: RecordClass;
  /** 16 hex digits. */
  readonly epoch: string;
  readonly number: number;
  /** Every record inside has this sequence or a higher one. */
  readonly firstSequence: number;
}

/** One record as it is stored. */
export interface StoredFrame {
  readonly sequence: number;
  /** Milliseconds of the device's steady time; 0 for never. */
  readonly expiresAtMs: number;
  readonly recordedAtMs: number;
  readonly payload: string;
}

/** The 32 bytes at the start of a segment. */
export const encodeSegmentHeader = (header: SegmentHeader): Buffer => {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt8(RECORD_CLASSES.indexOf(header.recordClass), 4);
  bytes.write(header.epoch, 8, 'hex');
  bytes.writeUInt32BE(header.number, 16);
  bytes.writeUIntBE(header.firstSequence, 20, 6);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
};

/** The header in the bytes; null when they are none, for instance after a crash before it was written. */
export const decodeSegmentHeader = (bytes: Uint8Array): SegmentHeader | null => {
  if (bytes.length < SEGMENT_HEADER_BYTES) return null;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!view.subarray(0, 4).equals(MAGIC) || view.readUInt32BE(28) !== crc32(view.subarray(0, 28)))
    return null;
  const recordClass = RECORD_CLASSES[view.readUInt8(4)];
  if (recordClass === undefined) return null;
  return {
    recordClass,
    epoch: view.toString('hex', 8, 16),
    number: view.readUInt32BE(16),
    firstSequence: view.readUIntBE(20, 6),
  };
};

/** Writes a record's frame to the start of a scratch buffer that is large enough; returns its length. */
export const encodeFrame = (scratch: Buffer, frame: StoredFrame): number => {
  const payloadBytes = scratch.write(frame.payload, FRAME_HEADER_BYTES, 'utf8');
  const end = FRAME_HEADER_BYTES + payloadBytes;
  scratch.writeUInt32BE(payloadBytes, 0);
  scratch.writeUIntBE(frame.sequence, 8, 6);
  scratch.writeUIntBE(frame.expiresAtMs, 14, 6);
  scratch.writeUIntBE(frame.recordedAtMs, 20, 6);
  scratch.writeUInt32BE(crc32(scratch.subarray(CHECKED_OFFSET, end)), CRC_OFFSET);
  return end;
};

/** Length of the frame at an offset; 0 for preallocated emptiness, null for bytes that are no whole frame. */
export const frameLengthAt = (bytes: Buffer, offset: number): number | null => {
  if (offset + FRAME_HEADER_BYTES > bytes.length) return 0;
  const payloadBytes = bytes.readUInt32BE(offset);
  if (payloadBytes === 0 && bytes.readUInt32BE(offset + CRC_OFFSET) === 0) return 0;
  const end = offset + FRAME_HEADER_BYTES + payloadBytes;
  if (end > bytes.length) return null;
  const isWhole =
    bytes.readUInt32BE(offset + CRC_OFFSET) === crc32(bytes.subarray(offset + CHECKED_OFFSET, end));
  return isWhole ? end - offset : null;
};

/** The frame at an offset where `frameLengthAt` has found one. */
export const decodeFrame = (bytes: Buffer, offset: number): StoredFrame => {
  const payloadBytes = bytes.readUInt32BE(offset);
  const from = offset + FRAME_HEADER_BYTES;
  return {
    sequence: bytes.readUIntBE(offset + 8, 6),
    expiresAtMs: bytes.readUIntBE(offset + 14, 6),
    recordedAtMs: bytes.readUIntBE(offset + 20, 6),
    payload: bytes.toString('utf8', from, from + payloadBytes),
  };
};
