// Owns a tower on its way through compression: its weights in float32, the bits and scales that some of them have, and
// from both the graph that devices run and the form in which it travels. It never chooses what to compress.
import {
  clippedScales,
  dequantize,
  encodeWire,
  expandWire,
  type Grid,
  nearestScale,
  type Quantized,
  quantize,
  type Replacement,
  replaceInitializers,
  scalesOf,
  type WireGrid,
} from '@nanofleet/runtime';
import { initializerNames } from '../onnx/quantized-linear.ts';
import { HEAD, type InferenceGraph, inferenceGraph } from '../text/inference-graph.ts';
import { penultimateWidth, type Tower } from '../text/tower.ts';
import { nearestPieces, type Pieces } from './pieces.ts';

/** A weight that has codes of its own; others are quantized as every graph is (table 8 bits, matrices 7). */
interface QuantizedForm {
  readonly grid: Grid;
  readonly quantized: Quantized;
  /** Width of the pieces, if the codes are made of few distinct ones. */
  readonly codebook?: { readonly width: number };
}

/** Weights that can have codes. */
export type Matrix = 'table' | 'hidden' | 'head';

/** A tower with the codes of its quantized weights; the tower holds the values of these codes. */
export interface CompressedModel {
  readonly tower: Tower;
  readonly forms: Partial<Record<Matrix, QuantizedForm>>;
}

/** How a weight is quantized. */
export interface Quantizing {
  readonly bits: number;
  /** Searches scales that clip, instead of covering the greatest magnitude. */
  readonly clip: boolean;
}

/** The model with one of its weights on a grid: table one scale a row, matrices one a column. */
export function quantizeMatrix(model: CompressedModel, matrix: Matrix, how: Quantizing): CompressedModel {
  const { tower } = model;
  const grid: Grid = {
    shape: shapeOf(tower, matrix),
    axis: matrix === 'table' ? 0 : 1,
    bits: how.bits,
  };
  const values = valuesOf(tower, matrix);
  const scales = how.clip
    ? clippedScales(values, grid, nearestScale)
    : scalesOf(values, grid).map((scale) => nearestScale(scale));
  const quantized = quantize(values, grid, scales);
  const forms = { ...model.forms, [matrix]: { grid, quantized } };
  return { tower: withValues(tower, matrix, dequantize(quantized, grid)), forms };
}

/** The model with a table made of the pieces of a codebook, one scale a row. */
export function shareTable({ tower, forms }: CompressedModel, pieces: Pieces): CompressedModel {
  const grid: Grid = { shape: shapeOf(tower, 'table'), axis: 0, bits: 8 };
  const quantized = nearestPieces(tower.table, pieces);
  const table = { grid, quantized, codebook: { width: pieces.width } };
  return { tower: withValues(tower, 'table', dequantize(quantized, grid)), forms: { ...forms, table } };
}

/** The graph that devices run, as the wire gives it, and the wire itself. */
export interface ModelFiles {
  readonly graph: InferenceGraph;
  readonly wire: Uint8Array;
}

/** Makes both files; the graph is expanded from the wire, so that what is tested is what arrives. */
export function modelFiles({ tower, forms }: CompressedModel): ModelFiles {
  const plain = inferenceGraph([tower]);
  const replaced = new Map<string, Replacement>();
  const stated = new Map<string, Pick<WireGrid, 'bits' | 'codebook'>>();
  for (const [matrix, { quantized, grid, codebook }] of Object.entries(forms)) {
    const { codes, scales } = initializerNames(INITIALIZERS[matrix as Matrix]);
    replaced.set(codes, { raw: bytesOf(quantized.codes) }).set(scales, { raw: bytesOf(quantized.scales) });
    stated.set(codes, { bits: grid.bits, ...(codebook && { codebook }) });
  }
  const quantization = plain.quantization.map((grid) => ({ ...grid, ...stated.get(grid.tensor) }));
  const wire = encodeWire(replaceInitializers(plain.bytes, replaced), quantization);
  return { wire, graph: { ...plain, quantization, bytes: expandWire(wire, quantization) } };
}

const INITIALIZERS: Readonly<Record<Matrix, string>> = {
  table: 'tower0.table',
  hidden: 'tower0.hidden.weight',
  head: HEAD.weight,
};

function shapeOf({ shape }: Tower, matrix: Matrix): [number, number] {
  if (matrix === 'table') return [shape.features.buckets, shape.width];
  return matrix === 'hidden' ? [shape.width, shape.hidden] : [penultimateWidth(shape), shape.classes];
}

function valuesOf(tower: Tower, matrix: Matrix): Float32Array {
  return matrix === 'table' ? tower.table : tower.dense[`${matrix}.weight`];
}

function withValues(tower: Tower, matrix: Matrix, values: Float32Array): Tower {
  if (matrix === 'table') return { ...tower, table: values };
  return { ...tower, dense: { ...tower.dense, [`${matrix}.weight`]: values } };
}

const bytesOf = (array: Int8Array | Float32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
