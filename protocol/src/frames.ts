/**
 * Binary frames: model updates, masked updates, streamed tokens and blob chunks, with a header of 32 bytes, big-endian:
 *
 *   0  magic "NF"        2  version 1        3  kind
 *   4  correlation, 16 bytes (a UUID: round, decision or transfer)
 *  20  index of this frame, u32             24  flags, u16 (bit 0: last)    26  reserved, u16, zero
 *  28  payload length, u32                  32  payload
 *
 * Never interprets a payload.
 */
import { assert, NanofleetError } from './errors.ts';
import type { Uuid } from './ids.ts';
import { FRAME_PAYLOAD_BYTES_MAX } from './limits/wire.ts';

/** Bytes before the payload. */
export const FRAME_HEADER_BYTES = 32;
const MAGIC = 0x4e46;
const VERSION = 1;
const FLAG_LAST = 1;

/** What a payload is, by its number on the wire. */
export const FRAME_KINDS = { update: 1, masked: 2, tokens: 3, blob: 4 } as const;
export type FrameKind = keyof typeof FRAME_KINDS;

/** One frame. */
export interface Frame {
  readonly kind: FrameKind;
  readonly correlation: Uuid;
  /** Place in its stream, from 0. */
  readonly index: number;
  readonly isLast: boolean;
  readonly payload: Uint8Array;
}

const malformed = (why: string) =>
  new NanofleetError('FRAME_MALFORMED', `a binary frame could not be decoded: ${why}`);

const writeUuid = (target: Uint8Array, offset: number, uuid: Uuid): void => {
  const digits = uuid.replaceAll('-', '');
  for (let index = 0; index < 16; index += 1) {
    target[offset + index] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Without the schema, which would cost as much as the rest of a frame: version and variant are all that bytes can get wrong. */
const readUuid = (source: Uint8Array, offset: number): Uuid => {
  let text = '';
  for (let index = 0; index < 16; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) text += '-';
    text += HEX[source[offset + index] ?? 0] ?? '';
  }
  const [version = 0, variant = 0] = [source[offset + 6], source[offset + 8]];
  if (version >> 4 !== 7 || variant >> 6 !== 2) throw malformed('its correlation is no UUID version 7');
  return text as Uuid;
};

/** The bytes of a frame. Its payload must be within FRAME_PAYLOAD_BYTES_MAX and its index a u32. */
export const encodeFrame = (frame: Frame): Uint8Array => {
  assert(frame.payload.length <= FRAME_PAYLOAD_BYTES_MAX, 'a frame payload is within its limit');
  assert(
    Number.isInteger(frame.index) && frame.index >= 0 && frame.index <= 0xffffffff,
    'a frame index is a u32',
  );
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + frame.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC);
  view.setUint8(2, VERSION);
  view.setUint8(3, FRAME_KINDS[frame.kind]);
  writeUuid(bytes, 4, frame.correlation);
  view.setUint32(20, frame.index);
  view.setUint16(24, frame.isLast ? FLAG_LAST : 0);
  view.setUint32(28, frame.payload.length);
  bytes.set(frame.payload, FRAME_HEADER_BYTES);
  return bytes;
};

/** Whether bytes begin as a frame does; a JSON message never does. */
export const isFrame = (bytes: Uint8Array): boolean =>
  bytes.length >= 2 && bytes[0] === MAGIC >> 8 && bytes[1] === (MAGIC & 0xff);

const kindOf = (number: number): FrameKind => {
  const found = (Object.keys(FRAME_KINDS) as FrameKind[]).find((kind) => FRAME_KINDS[kind] === number);
  if (found === undefined) throw malformed(`kind ${number} is unknown`);
  return found;
};

/**
 * The frame in the bytes; its payload is a view, not a copy.
 * @throws NanofleetError FRAME_MALFORMED or MESSAGE_VERSION_UNKNOWN; nothing else, for any bytes.
 */
export const decodeFrame = (bytes: Uint8Array): Frame => {
  if (bytes.length < FRAME_HEADER_BYTES) throw malformed(`${bytes.length} bytes are less than a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== MAGIC) throw malformed('it does not begin with NF');
  const version = view.getUint8(2);
  if (version !== VERSION)
    throw new NanofleetError('MESSAGE_VERSION_UNKNOWN', `frame version ${version} is not ${VERSION}`);
  const length = view.getUint32(28);
  if (length > FRAME_PAYLOAD_BYTES_MAX)
    throw malformed(`a payload of ${length} bytes is over ${FRAME_PAYLOAD_BYTES_MAX}`);
  if (bytes.length !== FRAME_HEADER_BYTES + length)
    throw malformed(`${bytes.length} bytes do not hold a payload of ${length}`);
  const flags = view.getUint16(24);
  if (flags > FLAG_LAST || view.getUint16(26) !== 0) throw malformed('reserved bits are set');
  return {
    kind: kindOf(view.getUint8(3)),
    correlation: readUuid(bytes, 4),
    index: view.getUint32(20),
    isLast: flags === FLAG_LAST,
    payload: bytes.subarray(FRAME_HEADER_BYTES),
  };
};
