/**
 * Owns entropy coding of bytes by their own frequencies: a static rANS coder (Duda 2013, arXiv:1311.2540) with a state of 31 bits that is
 * renormalized by bytes. It never knows what the bytes mean.
 *
 * Layout, little endian: uint8 distinct bytes less one; for each, ascending, the byte and uint16 of its share in 2^14; uint32 state; the
 * coded bytes.
 */
import { deltaInvalid } from './delta-invalid.ts';

const SHARE_BITS = 14;
const SHARES = 1 << SHARE_BITS;
const SHARE_MASK = SHARES - 1;
const STATE_MIN = 2 ** 23;
/** Below this many times its share a state has room for one more byte. */
const ROOM = (STATE_MIN / SHARES) * 256;
const STATE_BYTES = 4;
const ENTRY_BYTES = 3;

/** How often each byte occurs: 256 counts. */
export function countsOf(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  return counts;
}

/** Bytes that coding takes, from the counts alone; exact to a thousandth. */
export function codedBytes(counts: Uint32Array): number {
  const shares = sharesOf(counts);
  let [bits, distinct] = [0, 0];
  for (let byte = 0; byte < 256; byte += 1) {
    const count = counts[byte] ?? 0;
    if (count === 0) continue;
    distinct += 1;
    bits += count * (SHARE_BITS - Math.log2(shares[byte] ?? 1));
  }
  return Math.ceil(bits / 8) + 1 + distinct * ENTRY_BYTES + STATE_BYTES;
}

/** Codes at least one byte. */
export function ransEncode(bytes: Uint8Array): Uint8Array {
  const counts = countsOf(bytes);
  const shares = sharesOf(counts);
  const starts = startsOf(shares);
  const room = new Uint8Array(Math.ceil(codedBytes(counts) * 1.01) + 64);
  let [at, state] = [room.length, STATE_MIN];
  // Backwards, so that whoever decodes goes forwards.
  for (let index = bytes.length - 1; index >= 0; index -= 1) {
    const byte = bytes[index] ?? 0;
    const share = shares[byte] ?? 1;
    for (; state >= ROOM * share; state >>>= 8) room[--at] = state & 255;
    state = Math.floor(state / share) * SHARES + (state % share) + (starts[byte] ?? 0);
  }
  return joined(tableOf(shares), state, room.subarray(at));
}

/**
 * Decodes so many bytes as `into` has room for.
 * @throws NanofleetError `DELTA_INVALID` if the table is none, or the coded bytes do not end with the last byte
 */
export function ransDecode(coded: Uint8Array, into: Uint8Array): void {
  const { shares, length } = readTable(coded);
  const starts = startsOf(shares);
  const byteOf = bytesByShare(shares);
  let at = length + STATE_BYTES;
  if (at > coded.length) throw deltaInvalid('a coded part is cut off');
  let state = new DataView(coded.buffer, coded.byteOffset).getUint32(length, true);
  for (let index = 0; index < into.length; index += 1) {
    const low = state & SHARE_MASK;
    const byte = byteOf[low] ?? 0;
    into[index] = byte;
    state = Math.imul(shares[byte] ?? 0, state >>> SHARE_BITS) + low - (starts[byte] ?? 0);
    for (; state < STATE_MIN && at < coded.length; at += 1) state = (state << 8) | (coded[at] ?? 0);
  }
  if (state !== STATE_MIN || at !== coded.length)
    throw deltaInvalid('a coded part does not end where it should');
}

/** Shares of 2^14 that sum up to it, at least one for each byte that occurs. */
function sharesOf(counts: Uint32Array): Uint16Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shares = new Uint16Array(256);
  let [sum, largest] = [0, 0];
  for (let byte = 0; byte < 256; byte += 1) {
    const count = counts[byte] ?? 0;
    if (count === 0) continue;
    const share = Math.max(1, Math.round((count / total) * SHARES));
    shares[byte] = share;
    sum += share;
    if (share > (shares[largest] ?? 0)) largest = byte;
  }
  // Whoever has most gives or takes what rounding left: it notices least.
  shares[largest] = (shares[largest] ?? 0) + SHARES - sum;
  return shares;
}

function startsOf(shares: Uint16Array): Uint16Array {
  const starts = new Uint16Array(256);
  for (let byte = 1; byte < 256; byte += 1) starts[byte] = (starts[byte - 1] ?? 0) + (shares[byte - 1] ?? 0);
  return starts;
}

function bytesByShare(shares: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(SHARES);
  let at = 0;
  for (let byte = 0; byte < 256; byte += 1) {
    bytes.fill(byte, at, at + (shares[byte] ?? 0));
    at += shares[byte] ?? 0;
  }
  return bytes;
}

function tableOf(shares: Uint16Array): Uint8Array {
  const entries = Array.from(shares, (share, byte) => [byte, share & 255, share >>> 8]).filter(
    ([, low, high]) => low !== 0 || high !== 0,
  );
  return Uint8Array.from([entries.length - 1, ...entries.flat()]);
}

function readTable(coded: Uint8Array): { readonly shares: Uint16Array; readonly length: number } {
  const length = 1 + ((coded[0] ?? 0) + 1) * ENTRY_BYTES;
  if (length > coded.length) throw deltaInvalid('a table of shares is cut off');
  const shares = new Uint16Array(256);
  let [sum, before] = [0, -1];
  for (let at = 1; at < length; at += ENTRY_BYTES) {
    const byte = coded[at] ?? 0;
    const share = (coded[at + 1] ?? 0) | ((coded[at + 2] ?? 0) << 8);
    if (byte <= before || share === 0) throw deltaInvalid('a table of shares is out of order');
    [sum, before] = [sum + share, byte];
    shares[byte] = share;
  }
  if (sum !== SHARES) throw deltaInvalid(`a table of shares sums up to ${sum} of ${SHARES}`);
  return { shares, length };
}

function joined(table: Uint8Array, state: number, coded: Uint8Array): Uint8Array {
  const whole = new Uint8Array(table.length + STATE_BYTES + coded.length);
  whole.set(table);
  new DataView(whole.buffer).setUint32(table.length, state, true);
  whole.set(coded, table.length + STATE_BYTES);
  return whole;
}
