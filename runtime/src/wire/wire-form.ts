// Owns the form in which a graph travels: its quantized weights packed to their bits with scales of 16 bits, everything
// else as it is. Expanding gives the graph that the publisher tested, byte for byte; whoever expands compares its SHA-256.
// It never quantizes and never opens a graph.
//
// Layout, little endian: "NFW1", uint32 length of the graph without weights, that graph, then for each grid of the manifest
// in order: uint32 rank, uint32 sizes, packed codes (packed-codes.ts), one half (half.ts) for each scale. "NFW2" if a grid has a
// codebook (codebook.ts): in place of its packed codes uint32 entries, int8 codes of the entries, packed indices.

import { BUNDLE_FILE_BYTES_MAX, CODEBOOK_ENTRIES_MAX, NanofleetError } from '@nanofleet/protocol';
import { joinedBytes } from '../joined-bytes.ts';
import {
  type Initializer,
  listInitializers,
  type Replacement,
  replaceInitializers,
} from '../onnx/initializers.ts';
import { codebookOf, codesOf, indexBits } from './codebook.ts';
import { halfBits, halfValue } from './half.ts';
import { packCodes, packedBytes, packIndices, unpackCodes, unpackIndices } from './packed-codes.ts';

const MARK_BYTES = 4;
const RANK_MAX = 8;
/** Of a scale in a graph, which is a float32. */
const SCALE_BYTES = 4;
const NOTHING: Replacement = { dims: [0], raw: new Uint8Array(0) };

/** Which initializers hold codes and scales, as the manifest's `quantization` says. */
export interface WireGrid {
  readonly tensor: string;
  readonly scaleTensor: string;
  readonly axis: number | null;
  readonly bits: number;
  readonly codebook?: { readonly width: number } | undefined;
}

const markOf = (grids: readonly WireGrid[]): string =>
  grids.some(({ codebook }) => codebook !== undefined) ? 'NFW2' : 'NFW1';

/**
 * The wire form of a graph. Scales are rounded to halves, so the graph to test and publish is what `expandWire` gives.
 * @throws NanofleetError `GRAPH_UNSUPPORTED` if a grid's initializers are not in the graph, or do not fit its codebook
 */
export function encodeWire(graph: Uint8Array, grids: readonly WireGrid[]): Uint8Array {
  const known = new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor]));
  const emptied = grids.flatMap(({ tensor, scaleTensor }) => [tensor, scaleTensor]);
  const rest = replaceInitializers(graph, new Map(emptied.map((name) => [name, NOTHING])));
  const parts = grids.flatMap((grid) =>
    tensorParts(grid, found(known, grid.tensor), found(known, grid.scaleTensor)),
  );
  return joinedBytes([new TextEncoder().encode(markOf(grids)), words([rest.length]), rest, ...parts]);
}

/**
 * The graph of a wire form.
 * @param bytesMax of the graph; weights that would be more are refused before there is room for them
 * @throws NanofleetError `GRAPH_UNSUPPORTED` if lengths and grids do not fit
 */
export function expandWire(
  wire: Uint8Array,
  grids: readonly WireGrid[],
  bytesMax = BUNDLE_FILE_BYTES_MAX,
): Uint8Array {
  const reader = new Reader(wire);
  const mark = markOf(grids);
  if (String.fromCharCode(...reader.bytes(MARK_BYTES)) !== mark)
    throw unsupported(`it does not begin with ${mark}`);
  const rest = reader.bytes(reader.word());
  const filled = new Map<string, Replacement>();
  let bytes = rest.length;
  for (const grid of grids) {
    const dims = dimsOf(reader);
    const count = dims.reduce((product, size) => product * size, 1);
    const groups = grid.axis === null ? 1 : (dims[grid.axis] ?? 1);
    bytes += count + groups * SCALE_BYTES;
    if (!(bytes <= bytesMax)) throw unsupported(`it expands to more than ${bytesMax} bytes`);
    const codes = codesFrom(reader, { grid, count });
    const halves = reader.bytes(groups * 2);
    const scales = Float32Array.from({ length: groups }, (_, at) =>
      halfValue((halves[at * 2] ?? 0) | ((halves[at * 2 + 1] ?? 0) << 8)),
    );
    filled.set(grid.tensor, { dims, raw: new Uint8Array(codes.buffer) });
    filled.set(grid.scaleTensor, { dims: [groups], raw: new Uint8Array(scales.buffer) });
  }
  if (!reader.atEnd) throw unsupported('it is longer than its grids say');
  return replaceInitializers(rest, filled);
}

function tensorParts(grid: WireGrid, codes: Initializer, scales: Initializer): Uint8Array[] {
  const { dims, raw } = codes;
  const elements = new Int8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  const view = new DataView(scales.raw.buffer, scales.raw.byteOffset, scales.raw.byteLength);
  const halves = new Uint8Array(scales.raw.length / 2);
  // A scale that would round to zero becomes the smallest half: heads that learn divide by it.
  for (let at = 0; at < halves.length; at += 2) {
    const half = Math.max(1, halfBits(view.getFloat32(at * 2, true)));
    halves[at] = half & 255;
    halves[at + 1] = half >>> 8;
  }
  return [words([dims.length, ...dims]), ...codeParts(grid, elements), halves];
}

function codeParts({ bits, codebook }: WireGrid, elements: Int8Array): Uint8Array[] {
  if (codebook === undefined) return [packCodes(elements, bits)];
  const { entries, indices } = codebookOf(elements, codebook.width);
  const count = entries.length / codebook.width;
  return [words([count]), new Uint8Array(entries.buffer), packIndices(indices, indexBits(count))];
}

function codesFrom(
  reader: Reader,
  { grid: { bits, codebook }, count }: { readonly grid: WireGrid; readonly count: number },
): Int8Array {
  if (codebook === undefined) return unpackCodes(reader.bytes(packedBytes(count, bits)), { count, bits });
  const { width } = codebook;
  const pieces = count / width;
  if (!Number.isInteger(pieces)) throw unsupported(`${count} codes cannot be cut in pieces of ${width}`);
  const held = reader.word();
  if (held < 1 || held > CODEBOOK_ENTRIES_MAX)
    throw unsupported(`a codebook has ${held} entries; 1 to ${CODEBOOK_ENTRIES_MAX} are allowed`);
  const entries = Int8Array.from(reader.bytes(held * width));
  const packing = { count: pieces, bits: indexBits(held) };
  return codesOf({
    width,
    entries,
    indices: unpackIndices(reader.bytes(packedBytes(pieces, packing.bits)), packing),
  });
}

function dimsOf(reader: Reader): number[] {
  const rank = reader.word();
  if (rank > RANK_MAX) throw unsupported(`a tensor has ${rank} dimensions`);
  return Array.from({ length: rank }, () => reader.word());
}

class Reader {
  readonly #wire: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(wire: Uint8Array) {
    this.#wire = wire;
    this.#view = new DataView(wire.buffer, wire.byteOffset, wire.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#wire.length;
  }

  word(): number {
    this.bytes(4);
    return this.#view.getUint32(this.#at - 4, true);
  }

  bytes(length: number): Uint8Array {
    if (length > this.#wire.length - this.#at) throw unsupported('it is cut off');
    this.#at += length;
    return this.#wire.subarray(this.#at - length, this.#at);
  }
}

function found(known: ReadonlyMap<string, Initializer>, name: string): Initializer {
  const tensor = known.get(name);
  if (tensor === undefined) throw unsupported(`its graph has no initializer ${name}`);
  return tensor;
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, at) => view.setUint32(at * 4, value, true));
  return bytes;
}

const unsupported = (why: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The wire form was refused: ${why}.`);
