// Owns the few protobuf wire rules that an ONNX file needs: varints, 32-bit floats and length-delimited fields.
// It never reads protobuf and knows nothing of ONNX. Wire format: protobuf.dev/programming-guides/encoding.
import assert from 'node:assert/strict';

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;
const TEXT = new TextEncoder();

/** Collects the fields of one protobuf message; `finish` gives its bytes. Fields keep the order in which they were added. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** A non-negative integer, or a negative one as the ten-byte two's complement that int64 fields use. */
  integer(field: number, value: number | bigint): this {
    this.#tag(field, WIRE_VARINT);
    this.#push(varint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }

  /** A 32-bit float, little endian. */
  float(field: number, value: number): this {
    this.#tag(field, WIRE_FIXED32);
    this.#push(new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  /** Bytes as they are: they are not copied before `finish`, so the caller must not change them until then. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, WIRE_BYTES);
    this.#push(varint(BigInt(value.length)));
    this.#push(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, TEXT.encode(value));
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  /** All fields added so far, as one message. */
  finish(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  #tag(field: number, wire: number): void {
    assert(field > 0 && Number.isInteger(field), `protobuf field number ${field}`);
    this.#push(varint(BigInt(field * 8 + wire)));
  }

  #push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}
