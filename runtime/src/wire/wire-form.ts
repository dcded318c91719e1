// Owns the form in which a graph travels: its quantized weights packed to their bits with scales of 16 bits, everything
// else as it is. Expanding gives the graph that the publisher tested, byte for byte; whoever expands compares its SHA-256.
// It never quantizes and never opens a graph.
//
// Layout, little endian: "NFW1", uint32 length of the graph without weights, that graph, then for each grid of the manifest
// in order: uint32 rank, uint32 sizes, packed codes (packed-codes.ts), one half (half.ts) for each scale.

import { BUNDLE_FILE_BYTES_MAX, NanofleetError } from '@nanofleet/protocol';
import { joinedBytes } from '../joined-bytes.ts';
import {
  type Initializer,
  listInitializers,
  type Replacement,
  replaceInitializers,
} from '../onnx/initializers.ts';
import { halfBits, halfValue } from './half.ts';
import { packCodes, packedBytes, unpackCodes } from './packed-codes.ts';

const MAGIC = 0x3157464e;
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
}

/**
 * The wire form of a graph. Scales are rounded to halves, so the graph to test and publish is what `expandWire` gives.
 * @throws NanofleetError `GRAPH_UNSUPPORTED` if a grid's initializers are not in the graph
 */
export function encodeWire(graph: Uint8Array, grids: readonly WireGrid[]): Uint8Array {
  const known = new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor]));
  const emptied = grids.flatMap(({ tensor, scaleTensor }) => [tensor, scaleTensor]);
  const rest = replaceInitializers(graph, new Map(emptied.map((name) => [name, NOTHING])));
  const parts = grids.flatMap((grid) =>
    tensorParts(grid, found(known, grid.tensor), found(known, grid.scaleTensor)),
  );
  return joinedBytes([words([MAGIC, rest.length]), rest, ...parts]);
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
  if (reader.word() !== MAGIC) throw unsupported('it does not begin with NFW1');
  const rest = reader.bytes(reader.word());
  const filled = new Map<string, Replacement>();
  let bytes = rest.length;
  for (const grid of grids) {
    const dims = dimsOf(reader);
    const count = dims.reduce((product, size) => product * size, 1);
    const groups = grid.axis === null ? 1 : (dims[grid.axis] ?? 1);
    bytes += count + groups * SCALE_BYTES;
    if (!(bytes <= bytesMax)) throw unsupported(`it expands to more than ${bytesMax} bytes`);
    const codes = unpackCodes(reader.bytes(packedBytes(count, grid.bits)), { count, bits: grid.bits });
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
  return [words([dims.length, ...dims]), packCodes(elements, grid.bits), halves];
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
