/**
 * Owns the delta of a file from another that a device has: of a graph weight by weight, so that a fine-tune on the parent's grid costs
 * what its moved codes cost; of everything else by the pieces that both hold. Whoever applies one compares the SHA-256 of the
 * result: a delta proves nothing by itself, and another base gives another file. Pure.
 *
 * Layout, little endian: "NFD1"; uint32 bytes of the base, of the result, and of the result without weights; these: uint8 form, 0 a
 * block (block.ts) over the base without weights, 1 copies of it (copies.ts); uint32 weights; for each in the order of the file uint32
 * bytes before it since the last, uint32 number of the base's weight (from 1; 0 none), uint32 bytes, uint32 bytes a row, a block.
 */
import { BUNDLE_FILE_BYTES_MAX } from '@nanofleet/protocol';
import { joinedBytes } from '../joined-bytes.ts';
import { decodeBlock, encodeBlock } from './block.ts';
import { decodeCopies, encodeCopies } from './copies.ts';
import { deltaInvalid } from './delta-invalid.ts';
import { DeltaReader, words } from './delta-reader.ts';
import { aroundWeights, expectedWeight, type PlacedWeight, placedWeights } from './weights.ts';

const MARK = 'NFD1';
/** How what surrounds the weights is told. */
const AROUND = { inPlace: 0, copies: 1 } as const;
/** Differences of what has no rows lie together. */
const PIECE_BYTES = 64;
/** Copies are not looked for where changes in place take less than a fourth. */
const IN_PLACE_PAYS = 4;

/** The delta from `base` to `target`: applying it gives the very bytes of `target`. Any two files have one. */
export function encodeDelta(base: Uint8Array, target: Uint8Array): Uint8Array {
  const [from, to] = [placedWeights(base), placedWeights(target)];
  const around = aroundWeights(target, to);
  return joinedBytes([
    new TextEncoder().encode(MARK),
    words([base.length, target.length, around.length]),
    ...aroundParts(aroundWeights(base, from), around),
    words([to.length]),
    ...to.flatMap((weight, index) => weightParts(from, weight, to[index - 1])),
  ]);
}

/**
 * The file that a delta leads to.
 * @param bytesMax of the result; one that says more is refused before there is room for it
 * @throws NanofleetError `DELTA_INVALID`
 */
export function applyDelta(
  base: Uint8Array,
  delta: Uint8Array,
  bytesMax = BUNDLE_FILE_BYTES_MAX,
): Uint8Array {
  const reader = new DeltaReader(delta);
  if (String.fromCharCode(...reader.take(MARK.length)) !== MARK)
    throw deltaInvalid(`it does not begin with ${MARK}`);
  const [baseBytes, bytes, aroundBytes] = [reader.word(), reader.word(), reader.word()];
  if (baseBytes !== base.length)
    throw deltaInvalid(`its base has ${baseBytes} bytes; this one has ${base.length}`);
  if (bytes > bytesMax) throw deltaInvalid(`it leads to ${bytes} bytes; ${bytesMax} are allowed`);
  const weights = placedWeights(base);
  const around = aroundOf(reader, aroundWeights(base, weights), Math.min(aroundBytes, bytes));
  const result = filled(reader, { around, weights, result: new Uint8Array(bytes) });
  if (!reader.atEnd) throw deltaInvalid('it is longer than its parts');
  return result;
}

function weightParts(
  from: readonly PlacedWeight[],
  weight: PlacedWeight,
  before: PlacedWeight | undefined,
): Uint8Array[] {
  const { name, dataType, raw, rowBytes } = weight;
  const found = from.findIndex((other) => other.name === name && other.dataType === dataType);
  const gap = weight.at - (before === undefined ? 0 : before.at + before.raw.length);
  return [
    words([gap, found + 1, raw.length, rowBytes]),
    encodeBlock(raw, expectedWeight(from[found], { bytes: raw.length, rowBytes })),
  ];
}

interface Parts {
  readonly around: Uint8Array;
  /** Of the base. */
  readonly weights: readonly PlacedWeight[];
  readonly result: Uint8Array;
}

function filled(reader: DeltaReader, { around, weights, result }: Parts): Uint8Array {
  let [at, taken] = [0, 0];
  const put = (bytes: Uint8Array): void => {
    if (at + bytes.length > result.length)
      throw deltaInvalid(`it leads to more than the ${result.length} bytes it says`);
    result.set(bytes, at);
    at += bytes.length;
  };
  for (let left = reader.word(); left > 0; left -= 1) {
    const [gap, number, bytes, rowBytes] = [reader.word(), reader.word(), reader.word(), reader.word()];
    if (number > weights.length || rowBytes < 1) throw deltaInvalid(`a weight follows from number ${number}`);
    if (gap > around.length - taken || gap + bytes > result.length - at)
      throw deltaInvalid('a weight does not fit the bytes it says');
    put(around.subarray(taken, taken + gap));
    taken += gap;
    decodeBlock(
      reader,
      expectedWeight(weights[number - 1], { bytes, rowBytes }),
      result.subarray(at, at + bytes),
    );
    at += bytes;
  }
  put(around.subarray(taken));
  if (at !== result.length) throw deltaInvalid(`it leads to ${at} bytes and says ${result.length}`);
  return result;
}

/** Bytes without weights: those of the base changed in place, or copies of its pieces, whichever is shorter. */
function aroundParts(base: Uint8Array, target: Uint8Array): Uint8Array[] {
  const inPlace =
    base.length === target.length ? encodeBlock(target, { bytes: base, rowBytes: PIECE_BYTES }) : undefined;
  if (inPlace !== undefined && inPlace.length * IN_PLACE_PAYS < target.length)
    return [Uint8Array.of(AROUND.inPlace), inPlace];
  const copies = encodeCopies(base, target);
  if (inPlace !== undefined && inPlace.length <= copies.length)
    return [Uint8Array.of(AROUND.inPlace), inPlace];
  return [Uint8Array.of(AROUND.copies), copies];
}

function aroundOf(reader: DeltaReader, base: Uint8Array, bytes: number): Uint8Array {
  const form = reader.byte();
  if (form === AROUND.copies) return decodeCopies(reader, base, bytes);
  if (form !== AROUND.inPlace || base.length !== bytes) throw deltaInvalid('it was made for another base');
  const around = new Uint8Array(bytes);
  decodeBlock(reader, { bytes: base, rowBytes: PIECE_BYTES }, around);
  return around;
}
