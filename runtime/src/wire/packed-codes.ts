// Owns numbers of a few bits in a row of bytes without gaps, the first number in the lowest bits: codes of 2 to 8 bits, and
// indices of up to 16. It never knows scales or codebooks.
import { codeMax } from '../quantize.ts';

/** Bytes that `count` numbers of `bits` bits take. */
export const packedBytes = (count: number, bits: number): number => Math.ceil((count * bits) / 8);

/** Packs codes in ±codeMax(bits); each is kept as code + codeMax, so that none is negative. */
export const packCodes = (codes: Int8Array, bits: number): Uint8Array =>
  packed(codes, { bits, offset: codeMax(bits) });

/** Packs indices below 2^bits. */
export const packIndices = (indices: Uint16Array, bits: number): Uint8Array =>
  packed(indices, { bits, offset: 0 });

/** The codes that were packed. Bits that no code has (all ones) become codeMax + 1, which the digest of the whole refuses. */
export function unpackCodes(bytes: Uint8Array, { count, bits }: { count: number; bits: number }): Int8Array {
  const codes = new Int8Array(count);
  unpackInto(codes, bytes, { bits, offset: codeMax(bits) });
  return codes;
}

/** The indices that were packed. */
export function unpackIndices(
  bytes: Uint8Array,
  { count, bits }: { count: number; bits: number },
): Uint16Array {
  const indices = new Uint16Array(count);
  unpackInto(indices, bytes, { bits, offset: 0 });
  return indices;
}

interface Packing {
  readonly bits: number;
  /** Is added to numbers when they are packed. */
  readonly offset: number;
}

function packed(numbers: Int8Array | Uint16Array, { bits, offset }: Packing): Uint8Array {
  const bytes = new Uint8Array(packedBytes(numbers.length, bits));
  let [room, filled, at] = [0, 0, 0];
  for (const number of numbers) {
    room |= (number + offset) << filled;
    filled += bits;
    for (; filled >= 8; filled -= 8, room >>>= 8) bytes[at++] = room & 255;
  }
  if (filled > 0) bytes[at] = room;
  return bytes;
}

function unpackInto(numbers: Int8Array | Uint16Array, bytes: Uint8Array, { bits, offset }: Packing): void {
  const mask = 2 ** bits - 1;
  let [room, filled, at] = [0, 0, 0];
  for (let index = 0; index < numbers.length; index += 1) {
    for (; filled < bits; filled += 8) room |= (bytes[at++] ?? 0) << filled;
    numbers[index] = (room & mask) - offset;
    room >>>= bits;
    filled -= bits;
  }
}
