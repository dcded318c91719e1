/**
 * Owns how a run of bytes follows from another of any length: pieces that are copied from there, and what stands between them. For what
 * surrounds weights, and for files that hold none. Pure.
 *
 * Layout, little endian: uint32 pieces; for each uint32 bytes before it that are new, uint32 place in the base, uint32 bytes to copy; a
 * block (block.ts) of all new bytes, expected to be zero; those that are left follow the last piece.
 */
import { joinedBytes } from '../joined-bytes.ts';
import { decodeBlock, encodeBlock } from './block.ts';
import { deltaInvalid } from './delta-invalid.ts';
import { type DeltaReader, words } from './delta-reader.ts';

/** Bytes that must be equal for a copy to be considered: shorter ones cost more than they save. */
const SEED_BYTES = 16;
/** Up to here every place of the base may begin a copy; beyond, every sixteenth, which bounds the memory. */
const DENSE_BYTES_MAX = 2 ** 18;
const ROW_BYTES = 64;
/** Of one piece. */
const PIECE_WORDS = 3;

interface Piece {
  /** Place in the target. */
  readonly at: number;
  readonly from: number;
  readonly bytes: number;
}

/** The target as copies of the base and new bytes. */
export function encodeCopies(base: Uint8Array, target: Uint8Array): Uint8Array {
  const pieces = copiesOf(base, target);
  const ends = pieces.map(({ at, bytes }) => at + bytes);
  const fresh = [...pieces.map(({ at }) => at), target.length].map((to, index) =>
    target.subarray(ends[index - 1] ?? 0, to),
  );
  const added = joinedBytes(fresh);
  return joinedBytes([
    words([pieces.length]),
    words(pieces.flatMap(({ from, bytes }, index) => [fresh[index]?.length ?? 0, from, bytes])),
    words([added.length]),
    encodeBlock(added, { bytes: new Uint8Array(added.length), rowBytes: ROW_BYTES }),
  ]);
}

/**
 * The run of so many bytes that was told in copies.
 * @throws NanofleetError `DELTA_INVALID` if it is none of this base
 */
export function decodeCopies(reader: DeltaReader, base: Uint8Array, bytes: number): Uint8Array {
  const count = reader.word();
  const pieces = reader.take(count * PIECE_WORDS * 4);
  const view = new DataView(pieces.buffer, pieces.byteOffset, pieces.byteLength);
  const addedBytes = reader.word();
  if (addedBytes > bytes) throw deltaInvalid('a part has more new bytes than it says');
  const added = new Uint8Array(addedBytes);
  decodeBlock(reader, { bytes: new Uint8Array(addedBytes), rowBytes: ROW_BYTES }, added);
  const parts: Uint8Array[] = [];
  let [taken, total] = [0, 0];
  for (let at = 0; at < pieces.length; at += PIECE_WORDS * 4) {
    const [fresh, from, copied] = [0, 4, 8].map((offset) => view.getUint32(at + offset, true)) as [
      number,
      number,
      number,
    ];
    total += fresh + copied;
    if (fresh > added.length - taken || from + copied > base.length || total > bytes)
      throw deltaInvalid('it was made for another base');
    parts.push(added.subarray(taken, taken + fresh), base.subarray(from, from + copied));
    taken += fresh;
  }
  if (total + added.length - taken !== bytes) throw deltaInvalid('a part has not the bytes that it says');
  return joinedBytes([...parts, added.subarray(taken)]);
}

/** Greedy: at each place of the target the copy that the base's table of seeds offers, as long as it goes both ways. */
function copiesOf(base: Uint8Array, target: Uint8Array): Piece[] {
  const table = seedsOf(base);
  const pieces: Piece[] = [];
  let [end, at] = [0, 0];
  while (at + SEED_BYTES <= target.length) {
    const from = table[hashAt(target, at, table.length - 1)] ?? 0;
    const found = from === 0 ? null : grown({ base, target }, { at, from: from - 1, since: end });
    if (found === null) at += 1;
    else {
      pieces.push(found);
      end = found.at + found.bytes;
      at = end;
    }
  }
  return pieces;
}

function grown(
  { base, target }: { readonly base: Uint8Array; readonly target: Uint8Array },
  { at, from, since }: { readonly at: number; readonly from: number; readonly since: number },
): Piece | null {
  let [before, after] = [0, 0];
  while (
    from + after < base.length &&
    at + after < target.length &&
    base[from + after] === target[at + after]
  )
    after += 1;
  if (after < SEED_BYTES) return null;
  while (at - before > since && from > before && base[from - before - 1] === target[at - before - 1])
    before += 1;
  return { at: at - before, from: from - before, bytes: before + after };
}

/** By the hash of a seed one more than a place of the base where it stands; the first place wins. */
function seedsOf(base: Uint8Array): Uint32Array {
  const stride = base.length <= DENSE_BYTES_MAX ? 1 : SEED_BYTES;
  const table = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(1, base.length / stride)) + 1));
  for (let at = Math.floor((base.length - SEED_BYTES) / stride) * stride; at >= 0; at -= stride)
    table[hashAt(base, at, table.length - 1)] = at + 1;
  return table;
}

/** FNV-1a. */
function hashAt(bytes: Uint8Array, at: number, mask: number): number {
  let hash = 0x811c9dc5;
  for (let index = at; index < at + SEED_BYTES; index += 1)
    hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
  return ((hash ^ (hash >>> 15)) & mask) >>> 0;
}
