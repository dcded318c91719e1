/**
 * Owns walking over the fields of one protobuf message in wire format, without a schema and without copying. Only what ONNX uses:
 * varint, 64-bit, length-delimited, 32-bit. Never follows a length beyond the bytes it was given.
 */
import { NanofleetError } from '@nanofleet/protocol';

/** One field of a message: where it lies, and its content. */
export interface Field {
  readonly number: number;
  /** 0 varint, 1 64-bit, 2 length-delimited, 5 32-bit. */
  readonly wire: number;
  /** First byte of the field's tag, and the byte after its content. */
  readonly from: number;
  readonly to: number;
  /** Content: a view for length-delimited fields, else empty. */
  readonly bytes: Uint8Array;
  /** Value of a varint below 2^53; 0 for the other wire types. */
  readonly value: number;
}

/** The fields of a message in order; @throws NanofleetError `GRAPH_UNSUPPORTED` when the bytes are not a protobuf message. */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0;
  while (at < message.length) {
    const tag = varintAt(message, at);
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
    const content = contentAt(message, { at: tag.to, wire });
    yield { number, wire, from: at, ...content };
    at = content.to;
  }
}

const NOTHING = new Uint8Array();

function contentAt(
  message: Uint8Array,
  { at, wire }: { at: number; wire: number },
): Pick<Field, 'to' | 'bytes' | 'value'> {
  if (wire === 0) return { ...varintAt(message, at), bytes: NOTHING };
  if (wire === 1 || wire === 5) return fixedAt(message, { at, size: wire === 1 ? 8 : 4 });
  if (wire !== 2) throw malformed(`wire type ${wire} at byte ${at}`);
  const length = varintAt(message, at);
  const to = length.to + length.value;
  if (to > message.length) throw malformed(`a length beyond the end at byte ${at}`);
  return { to, bytes: message.subarray(length.to, to), value: 0 };
}

function fixedAt(
  message: Uint8Array,
  { at, size }: { at: number; size: number },
): Pick<Field, 'to' | 'bytes' | 'value'> {
  if (at + size > message.length) throw malformed(`a number beyond the end at byte ${at}`);
  return { to: at + size, bytes: NOTHING, value: 0 };
}

/** Ten bytes at most; multiplication, because shifts end at 32 bits. Negative int64 values come out inexact and are never used here. */
function varintAt(message: Uint8Array, at: number): { value: number; to: number } {
  let value = 0;
  for (let length = 0; length < 10; length += 1) {
    const byte = message[at + length];
    if (byte === undefined) throw malformed(`a varint beyond the end at byte ${at}`);
    value += (byte & 0x7f) * 2 ** (7 * length);
    if (byte < 0x80) return { value, to: at + length + 1 };
  }
  throw malformed(`a varint of more than ten bytes at byte ${at}`);
}

/** Varint bytes of a non-negative integer. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Uint8Array.from([...bytes, rest]);
}

/** The values of a repeated varint field, packed or not. */
export function* packedVarints(field: Field): Generator<number> {
  if (field.wire === 0) yield field.value;
  for (let at = 0; at < field.bytes.length; ) {
    const next = varintAt(field.bytes, at);
    yield next.value;
    at = next.to;
  }
}

const malformed = (what: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The graph could not be read: ${what}.`);
