// Owns codes of 2 to 8 bits in a row of bytes without gaps, the first code in the lowest bits. It never knows scales.
import { codeMax } from '../quantize.ts';

/** Bytes that `count` codes of `bits` bits take. */
export const packedBytes = (count: number, bits: number): number => Math.ceil((count * bits) / 8);

/** Packs codes in ±codeMax(bits); each is kept as code + codeMax, so that none is negative. */
export function packCodes(codes: Int8Array, bits: number): Uint8Array {
  const packed = new Uint8Array(packedBytes(codes.length, bits));
  const offset = codeMax(bits);
  let [room, filled, at] = [0, 0, 0];
  for (const code of codes) {
    room |= (code + offset) << filled;
    filled += bits;
    for (; filled >= 8; filled -= 8, room >>>= 8) packed[at++] = room & 255;
  }
  if (filled > 0) packed[at] = room;
  return packed;
}

/** The codes that were packed. Bits that no code has (all ones) become codeMax + 1, which the digest of the whole refuses. */
export function unpackCodes(packed: Uint8Array, { count, bits }: { count: number; bits: number }): Int8Array {
  const codes = new Int8Array(count);
  const [offset, mask] = [codeMax(bits), 2 ** bits - 1];
  let [room, filled, at] = [0, 0, 0];
  for (let index = 0; index < count; index += 1) {
    if (filled < bits) {
      room |= (packed[at++] ?? 0) << filled;
      filled += 8;
    }
    codes[index] = (room & mask) - offset;
    room >>>= bits;
    filled -= bits;
  }
  return codes;
}
