// Owns the graph that devices run: feature rows of one text → logits and penultimate features, int8 throughout. Several
// towers over the same features run side by side; their heads are one matrix, which averages their logits exactly.
// Contract: input `rows` int32 [N] (N ≥ 1, repeats count); outputs `logits` [1, C], `penultimate` [1, H].
import assert from 'node:assert/strict';
import type { ManifestDraft, TextFeatureParameters } from '@nanofleet/protocol';
import { type Grid, quantize } from '@nanofleet/runtime';
import { div, sqrt } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { matMul } from '../autodiff/matrix.ts';
import { layerNorm } from '../autodiff/normalization.ts';
import { size } from '../autodiff/reductions.ts';
import { concat, gather, reshape } from '../autodiff/shaping.ts';
import { int } from '../onnx/attributes.ts';
import {
  initializerNames,
  MATRIX_WEIGHT_BITS,
  quantizeColumns,
  quantizedLinear,
} from '../onnx/quantized-linear.ts';
import { penultimateWidth, type Tower } from './tower.ts';

const TABLE_BITS = 8;

/** Names of the trained head in every text bundle. */
export const HEAD = { weight: 'head.weight', bias: 'head.bias' } as const;

/** A graph for devices with what the manifest says of it. */
export interface InferenceGraph {
  readonly bytes: Uint8Array;
  readonly quantization: ManifestDraft['quantization'];
  /** Penultimate features of all towers together. */
  readonly hidden: number;
  readonly features: TextFeatureParameters;
  readonly classes: number;
}

/** The head of all towers as one layer: weights [hidden of all, classes] by the count of towers, and the mean bias. */
export interface JointHead {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** Quantizes the towers and joins them. Asserts that they have the same features and classes. */
export function inferenceGraph(towers: readonly Tower[]): InferenceGraph {
  const [first] = towers;
  assert(first, 'a model has a tower');
  for (const { shape } of towers)
    assert.deepEqual([shape.features, shape.classes], [first.shape.features, first.shape.classes]);
  const graph = new Graph();
  const rows = graph.input('rows', 'int32', ['N']);
  const hiddens = towers.map((tower, index) => towerHidden(rows, tower, `tower${index}`));
  const hidden = towers.reduce((sum, { shape }) => sum + penultimateWidth(shape), 0);
  const penultimate = hiddens.length === 1 && hiddens[0] ? hiddens[0] : concat(hiddens, 1);
  const head = jointHead(towers);
  const weight = quantizeColumns(head.weight, [hidden, first.shape.classes]);
  const logits = quantizedLinear(penultimate, {
    weightName: HEAD.weight,
    weight,
    biasName: HEAD.bias,
    bias: head.bias,
  });
  return {
    bytes: graph.build('infer', { logits, penultimate }),
    quantization: grids(towers),
    hidden,
    features: first.shape.features,
    classes: first.shape.classes,
  };
}

/** The float32 head that the graph's head was quantized from. */
function jointHead(towers: readonly Tower[]): JointHead {
  const share = 1 / towers.length;
  const weight = Float32Array.from(
    towers.flatMap(({ dense }) => Array.from(dense['head.weight'], (element) => element * share)),
  );
  const bias = new Float32Array(towers[0]?.shape.classes ?? 0);
  for (const { dense } of towers)
    dense['head.bias'].forEach((element, at) => (bias[at] = (bias[at] ?? 0) + element * share));
  return { weight, bias };
}

function towerHidden(rows: Value, tower: Tower, name: string): Value {
  const { graph } = rows;
  const { width, hidden } = tower.shape;
  const normed = layerNorm(
    bagOf(rows, tower, name),
    graph.namedConstant(`${name}.norm.gain`, tower.dense['norm.gain'], [width]),
    graph.namedConstant(`${name}.norm.shift`, tower.dense['norm.shift'], [width]),
  );
  if (hidden === 0) return normed;
  return fusedGelu(
    quantizedLinear(normed, {
      weightName: `${name}.hidden.weight`,
      weight: quantizeColumns(tower.dense['hidden.weight'], [width, hidden]),
      biasName: `${name}.hidden.bias`,
      bias: tower.dense['hidden.bias'],
    }),
  );
}

// One kernel; the primitive form that training differentiates would stay five.
function fusedGelu(value: Value): Value {
  return value.graph.emit({ operator: 'Gelu', inputs: [value], shape: value.shape });
}

// Σ code · scale / √N as one product of the scales [1, N] and the codes [N, width]: no scaled copy of the rows.
function bagOf(rows: Value, { shape, table }: Tower, name: string): Value {
  const { graph } = rows;
  const { buckets } = shape.features;
  const grid: Grid = { shape: [buckets, shape.width], axis: 0, bits: TABLE_BITS };
  const { codes, scales } = quantize(table, grid);
  const names = initializerNames(`${name}.table`);
  const chosen = gather(graph.namedConstant(names.codes, codes, [buckets, shape.width]), rows);
  const real = graph.emit({
    operator: 'Cast',
    inputs: [chosen],
    shape: ['N', shape.width],
    attributes: { to: int(1) },
  });
  const chosenScales = reshape(gather(graph.namedConstant(names.scales, scales, [buckets]), rows), [1, 'N']);
  return div(matMul(chosenScales, real), sqrt(size(rows, 0)));
}

function grids(towers: readonly Tower[]): ManifestDraft['quantization'] {
  const grid = (name: string, axis: number, bits: number): ManifestDraft['quantization'][number] => {
    const { codes, scales } = initializerNames(name);
    return { tensor: codes, scaleTensor: scales, axis, bits };
  };
  const ofTowers = towers.map(({ shape }, at) => [
    grid(`tower${at}.table`, 0, TABLE_BITS),
    ...(shape.hidden === 0 ? [] : [grid(`tower${at}.hidden.weight`, 1, MATRIX_WEIGHT_BITS)]),
  ]);
  return [...ofTowers.flat(), grid(HEAD.weight, 1, MATRIX_WEIGHT_BITS)];
}
