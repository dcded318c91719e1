/**
 * Owns how a trained head gets into a bundle's int8 graph: the labels that the parent has keep its scales, so that codes
 * that training did not move stay as they are; labels that are new have scales of their own. Never trains and never
 * judges the result.
 */
import { assert, NanofleetError } from '@nanofleet/protocol';
import { type Initializer, listInitializers, replaceInitializers } from '../onnx/initializers.ts';
import { quantize, scalesOf } from '../quantize.ts';
import type { Head } from './head.ts';

const CODES = 'head.weight.int8';
const SCALES = 'head.weight.scale';
const BIAS = 'head.bias';

/** A graph with another head. */
export interface CandidateGraph {
  readonly graph: Uint8Array;
  /** Share of the parent's codes that are another one now, 0..1. */
  readonly changedShare: number;
}

/**
 * The parent's graph with a head on its grid.
 * @param bits of a code, as the parent's manifest states them
 * @throws NanofleetError `GRAPH_UNSUPPORTED` when the graph has no head of ours, or one of another width
 */
export function withHead(parent: Uint8Array, { bits, head }: { bits: number; head: Head }): CandidateGraph {
  const tensors = new Map(listInitializers(parent).map((tensor) => [tensor.name, tensor]));
  const [codes, scales] = [tensorOf(tensors, CODES), tensorOf(tensors, SCALES)];
  const [width = 0, labels = 0] = codes.dims;
  if (width !== head.width || head.classes < labels) throw otherSize(head, { width, labels });
  const shape = [head.width, head.classes];
  const grid = { shape, axis: 1, bits };
  const fresh = scalesOf(head.weight, grid);
  fresh.set(floatsOf(scales));
  const quantized = quantize(head.weight, grid, fresh);
  const replacements = new Map([
    [CODES, { dims: shape, raw: bytesOf(quantized.codes) }],
    [SCALES, { dims: [head.classes], raw: bytesOf(fresh) }],
    [BIAS, { dims: [head.classes], raw: bytesOf(head.bias) }],
  ]);
  const graph = replaceInitializers(parent, replacements);
  return { graph, changedShare: changedShareOf(codes, { codes: quantized.codes, classes: head.classes }) };
}

/** Share of a graph's head codes that differ in another graph with at least its labels, 0..1. */
export function changedCodes(parent: Uint8Array, child: Uint8Array): number {
  const named = (graph: Uint8Array) =>
    tensorOf(new Map(listInitializers(graph).map((tensor) => [tensor.name, tensor])), CODES);
  const after = named(child);
  const codes = new Int8Array(after.raw.buffer, after.raw.byteOffset, after.raw.length);
  return changedShareOf(named(parent), { codes, classes: after.dims[1] ?? 0 });
}

function changedShareOf(
  { dims, raw }: Initializer,
  after: { readonly codes: Int8Array; readonly classes: number },
): number {
  const [width = 0, labels = 0] = dims;
  const before = new Int8Array(raw.buffer, raw.byteOffset, raw.length);
  assert(after.classes >= labels, 'a head never loses labels');
  let changed = 0;
  for (let row = 0; row < width; row += 1)
    for (let label = 0; label < labels; label += 1)
      if (before[row * labels + label] !== after.codes[row * after.classes + label]) changed += 1;
  return changed / Math.max(1, before.length);
}

function tensorOf(tensors: ReadonlyMap<string, Initializer>, name: string): Initializer {
  const tensor = tensors.get(name);
  if (tensor !== undefined) return tensor;
  throw new NanofleetError('GRAPH_UNSUPPORTED', `The graph was refused: it has no ${name} to replace.`);
}

const bytesOf = ({ buffer, byteLength, byteOffset }: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A copy: the bytes inside a graph are not aligned. */
const floatsOf = ({ raw }: Initializer): Float32Array => new Float32Array(Uint8Array.from(raw).buffer);

const otherSize = (head: Head, parent: { width: number; labels: number }) =>
  new NanofleetError(
    'GRAPH_UNSUPPORTED',
    `A head of ${head.width} features and ${head.classes} labels does not fit a graph with ${parent.width} and ${parent.labels}.`,
  );
