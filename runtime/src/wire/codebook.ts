// Owns a tensor whose codes are pieces of equal width, few of them distinct: a table of the distinct pieces and an index for
// each place. The table is in one fixed order, so that the codes alone give the very bytes that were signed. It never chooses
// pieces (forge/src/compress/centroids.ts does) and never knows scales.
import { CODEBOOK_ENTRIES_MAX, NanofleetError } from '@nanofleet/protocol';

/** Distinct pieces [entries, width], and which of them stands at each place. */
export interface Codebook {
  readonly width: number;
  readonly entries: Int8Array;
  readonly indices: Uint16Array;
}

/** Bits of an index into so many entries. */
export const indexBits = (entries: number): number => Math.max(1, 32 - Math.clz32(entries - 1));

/**
 * The codebook of codes, its entries in ascending order of their codes, the first code first.
 * @throws NanofleetError `GRAPH_UNSUPPORTED` if the codes are no whole number of pieces, or more than CODEBOOK_ENTRIES_MAX of these are distinct
 */
export function codebookOf(codes: Int8Array, width: number): Codebook {
  if (codes.length % width !== 0) throw refused(`${codes.length} codes cannot be cut in pieces of ${width}`);
  const keys = Array.from({ length: codes.length / width }, (_, piece) =>
    keyOf(codes.subarray(piece * width, (piece + 1) * width)),
  );
  const distinct = [...new Set(keys)].toSorted((a, b) => (a < b ? -1 : 1));
  if (distinct.length > CODEBOOK_ENTRIES_MAX)
    throw refused(
      `it has ${distinct.length} distinct pieces of ${width} codes; ${CODEBOOK_ENTRIES_MAX} are allowed`,
    );
  const indexOfKey = new Map(distinct.map((key, index) => [key, index]));
  return {
    width,
    entries: Int8Array.from(
      distinct.flatMap((key) => Array.from(key, (unit) => unit.charCodeAt(0) - KEY_OFFSET)),
    ),
    indices: Uint16Array.from(keys, (key) => indexOfKey.get(key) ?? 0),
  };
}

/**
 * The codes of a codebook.
 * @throws NanofleetError `GRAPH_UNSUPPORTED` if an index is of no entry
 */
export function codesOf({ width, entries, indices }: Codebook): Int8Array {
  const codes = new Int8Array(indices.length * width);
  const count = entries.length / width;
  for (let piece = 0; piece < indices.length; piece += 1) {
    const index = indices[piece] ?? 0;
    if (index >= count) throw refused(`index ${index} is of no entry: the codebook has ${count}`);
    for (let at = 0; at < width; at += 1) codes[piece * width + at] = entries[index * width + at] ?? 0;
  }
  return codes;
}

/** Makes codes positive, so that keys sort as their codes do. */
const KEY_OFFSET = 128;

const keyOf = (piece: Int8Array): string => {
  let key = '';
  for (const code of piece) key += String.fromCharCode(code + KEY_OFFSET);
  return key;
};

const refused = (why: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The codebook was refused: ${why}.`);
