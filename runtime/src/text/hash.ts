/**
 * Owns the hash of text features: 32-bit FNV-1a with the finalizer of MurmurHash3 on top. FNV alone mixes its low bits badly, which
 * matters because a bucket is the hash modulo the table size. Not a cryptographic hash, never used as one.
 */

/** FNV-1a 32 offset basis (Fowler, Noll, Vo; draft-eastlake-fnv). */
export const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/** FNV state after one more byte; a signed 32-bit integer. */
export const fnvByte = (state: number, byte: number): number => Math.imul(state ^ byte, FNV_PRIME);

/** FNV state after the ASCII characters of `text`. */
export function fnvString(state: number, text: string): number {
  let next = state;
  for (let at = 0; at < text.length; at += 1) next = fnvByte(next, text.charCodeAt(at));
  return next;
}

/** Final hash of a state: unsigned 32-bit, every input bit spread over all output bits (MurmurHash3 fmix32). */
export function spread(state: number): number {
  let mixed = state ^ (state >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  mixed ^= mixed >>> 16;
  return mixed >>> 0;
}
