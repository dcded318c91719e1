// Owns the graph of a tagger that devices run: feature rows of texts and the tokens that they belong to → intents and tags
// in one run, int8 throughout. A decision runs one text; an explanation runs many of one number of tokens, for a run of a
// few texts costs little more than a run of one.
// Contract: inputs `rows` int32 [B, N] (N ≥ 1, repeats count, the shorter texts padded with any row), `bag` float32 [B, N]
// (1 / √(rows of the text), 0 where padded), `membership` float32 [B, T, N] (1 / √(rows of the token) where a row is the
// token's, T ≥ 1); outputs `logits` [B, C], `penultimate` [B, P], `tags` [B, T, 1 + 2 · types]. Activations are quantized over
// all texts of a run, so a text's scores differ in their last bits by what it is run with.
import type { ManifestDraft, TextFeatureParameters } from '@nanofleet/protocol';
import { type Grid, quantize } from '@nanofleet/runtime';
import { add, mul } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { matMul } from '../autodiff/matrix.ts';
import { layerNorm } from '../autodiff/normalization.ts';
import { concat, gather, reshape } from '../autodiff/shaping.ts';
import { shift } from '../autodiff/shift.ts';
import { int } from '../onnx/attributes.ts';
import {
  initializerNames,
  MATRIX_WEIGHT_BITS,
  quantizeColumns,
  quantizedLinear,
} from '../onnx/quantized-linear.ts';
import { penultimateWidth, type Tagger } from './tagger.ts';
import { convolutionOffsets } from './tagger-graphs.ts';

const TABLE_BITS = 8;

/** A graph for devices with what the manifest says of it. */
export interface TaggerInferenceGraph {
  readonly bytes: Uint8Array;
  readonly quantization: ManifestDraft['quantization'];
  readonly penultimate: number;
  readonly features: TextFeatureParameters;
}

/** Quantizes a tagger. */
export function taggerInferenceGraph(tagger: Tagger): TaggerInferenceGraph {
  const { shape } = tagger;
  const graph = new Graph();
  const layers = new Layers(graph, tagger);
  const rows = graph.input('rows', 'int32', ['B', 'N']);
  const bag = unsqueezed(graph.input('bag', 'float32', ['B', 'N']));
  const membership = graph.input('membership', 'float32', ['B', 'T', 'N']);
  const { codes, scales } = chosenRows(rows, tagger);
  // Σ code · scale as one product with the scales, so that no scaled copy of the rows is made.
  const text = layers.norm(matMul(mul(bag, scales), codes), 'norm');
  const hidden = layers.gelu(layers.linear(text, 'hidden'));
  const context = layers.linear(hidden, 'context');
  let value = layers.norm(matMul(mul(membership, scales), codes), 'token.norm');
  shape.convolutions.forEach((convolution, at) => {
    const offsets = convolutionOffsets(convolution);
    const around = concat(
      offsets.map((by) => shift(value, by, 1)),
      2,
    );
    const taps = layers.linear(around, `conv${at}`);
    const moved = layers.gelu(at === 0 ? add(taps, context) : taps);
    value = layers.norm(at === 0 ? moved : add(value, moved), `conv${at}.norm`);
  });
  const width = penultimateWidth(shape);
  const penultimate = reshape(concat([hidden, meanOverTokens(value, shape.channels)], 2), ['B', width]);
  const bytes = graph.build('infer', {
    logits: layers.linear(penultimate, 'head'),
    penultimate,
    tags: layers.linear(value, 'tags'),
  });
  return {
    bytes,
    quantization: [grid('table', 0, TABLE_BITS), ...layers.quantized],
    penultimate: width,
    features: shape.features,
  };
}

/** Layers by the names of their parameters, quantized. */
class Layers {
  readonly quantized: ManifestDraft['quantization'] = [];
  readonly #graph: Graph;
  readonly #tagger: Tagger;

  constructor(graph: Graph, tagger: Tagger) {
    this.#graph = graph;
    this.#tagger = tagger;
  }

  linear(value: Value, name: string): Value {
    const bias = this.#array(`${name}.bias`);
    const weight = this.#array(`${name}.weight`);
    this.quantized.push(grid(`${name}.weight`, 1, MATRIX_WEIGHT_BITS));
    return quantizedLinear(value, {
      weightName: `${name}.weight`,
      weight: quantizeColumns(weight, [weight.length / bias.length, bias.length]),
      biasName: `${name}.bias`,
      bias,
    });
  }

  norm(value: Value, name: string): Value {
    const [gain, shiftBy] = [this.#array(`${name}.gain`), this.#array(`${name}.shift`)];
    return layerNorm(
      value,
      this.#graph.namedConstant(`${name}.gain`, gain, [gain.length]),
      this.#graph.namedConstant(`${name}.shift`, shiftBy, [shiftBy.length]),
    );
  }

  /** One kernel; the primitive form that training differentiates would stay five. */
  gelu(value: Value): Value {
    return this.#graph.emit({ operator: 'Gelu', inputs: [value], shape: value.shape });
  }

  #array(name: string): Float32Array {
    return this.#tagger.dense.get(name) ?? new Float32Array();
  }
}

/** The rows' codes as float32 [B, N, width] and their scales [B, 1, N]. */
function chosenRows(rows: Value, { shape, table }: Tagger): { codes: Value; scales: Value } {
  const { graph } = rows;
  const { buckets } = shape.features;
  const wanted: Grid = { shape: [buckets, shape.width], axis: 0, bits: TABLE_BITS };
  const { codes, scales } = quantize(table, wanted);
  const names = initializerNames('table');
  const chosen = gather(graph.namedConstant(names.codes, codes, [buckets, shape.width]), rows);
  return {
    codes: graph.emit({
      operator: 'Cast',
      inputs: [chosen],
      shape: ['B', 'N', shape.width],
      attributes: { to: int(1) },
    }),
    scales: unsqueezed(gather(graph.namedConstant(names.scales, scales, [buckets]), rows)),
  };
}

/** [B, N] → [B, 1, N]. */
function unsqueezed(value: Value): Value {
  const { graph } = value;
  return graph.emit({ operator: 'Unsqueeze', inputs: [value, graph.integers([1])], shape: ['B', 1, 'N'] });
}

function meanOverTokens(value: Value, channels: number): Value {
  const { graph } = value;
  return graph.emit({
    operator: 'ReduceMean',
    inputs: [value, graph.integers([1])],
    shape: ['B', 1, channels],
    attributes: { keepdims: int(1) },
  });
}

function grid(name: string, axis: number, bits: number): ManifestDraft['quantization'][number] {
  const { codes, scales } = initializerNames(name);
  return { tensor: codes, scaleTensor: scales, axis, bits };
}
