// Owns the graph that devices run: raw window → logits and penultimate features, convolutions in int8. Spelled as
// QuantizeLinear / DequantizeLinear around Conv with uint8 activations, int8 weights per output channel and int32 bias:
// the one form that ONNX Runtime turns into QLinearConv (int8 activations instead run slower than float32).
// Contract: input `window` float32 [1, channels, samples] in the sensor's units; outputs `logits` [1, C], `penultimate` [1, H].
import assert from 'node:assert/strict';
import type { ManifestDraft } from '@nanofleet/protocol';
import { quantile, quantize } from '@nanofleet/runtime';
import { relu } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { maxPool, meanPool } from '../autodiff/reductions.ts';
import { concat } from '../autodiff/shaping.ts';
import { int, ints } from '../onnx/attributes.ts';
import {
  initializerNames,
  MATRIX_WEIGHT_BITS,
  quantizeColumns,
  quantizedLinear,
} from '../onnx/quantized-linear.ts';
import {
  type ConvolutionShape,
  kernelShape,
  normalized,
  penultimateWidth,
  type SensorParameters,
  type SensorShape,
} from './network.ts';
import { runFloat, type TrainingWindow } from './train.ts';

const CODE_MAX = 255;
const MIDDLE = 128;
/** Share of the activations that the codes cover; the rest is clipped. */
const COVERED = 0.9995;

/** Step of the codes of each activation, from the input of the first layer to the output of the last. */
export type ActivationScales = readonly number[];

/** A trained network. */
export interface TrainedSensor {
  readonly shape: SensorShape;
  readonly parameters: SensorParameters;
}

/** Whether an activation has both signs: only what left a rectifier has one. */
const hasBothSigns = ({ convolutions }: SensorShape, at: number): boolean =>
  at === 0 || convolutions[at - 1]?.depthwise === true;

/** Measures the ranges of the float32 network on training windows. */
export async function activationScales(
  { shape, parameters }: TrainedSensor,
  windows: readonly TrainingWindow[],
): Promise<ActivationScales> {
  const scales: number[] = [];
  for (let at = 0; at <= shape.convolutions.length; at += 1) {
    const rows = await runFloat(parameters, { shape, windows, output: `activation${at}` });
    const magnitudes = Float32Array.from(rows.flatMap((row) => Array.from(row, Math.abs)));
    scales.push(quantile(magnitudes, COVERED) / (hasBothSigns(shape, at) ? MIDDLE - 1 : CODE_MAX));
  }
  return scales;
}

/** The device's graph with what the manifest says of its weights. */
export interface SensorGraph {
  readonly bytes: Uint8Array;
  readonly quantization: ManifestDraft['quantization'];
}

/** Writes the int8 graph. */
export function sensorGraph({ shape, parameters }: TrainedSensor, scales: ActivationScales): SensorGraph {
  const graph = new Graph();
  const window = graph.input('window', 'float32', [1, shape.channels, shape.windowSamples]);
  const grid = (at: number): Grid => ({
    step: scales[at] ?? 1,
    zero: hasBothSigns(shape, at) ? MIDDLE : 0,
  });
  let activation = throughCodes(normalized(window, shape), grid(0));
  shape.convolutions.forEach((layer, at) => {
    const convolved = convolution(activation, { layer, parameters, inputStep: grid(at).step });
    activation = throughCodes(layer.depthwise ? convolved : relu(convolved), grid(at + 1));
  });
  const penultimate = concat([meanPool(activation), maxPool(activation)], 1);
  const head = [penultimateWidth(shape), shape.classes] as const;
  const logits = quantizedLinear(penultimate, {
    weightName: 'head.weight',
    weight: quantizeColumns(valueOf(parameters, 'head.weight'), head),
    biasName: 'head.bias',
    bias: valueOf(parameters, 'head.bias'),
  });
  return {
    bytes: graph.build('infer', { logits, penultimate }),
    quantization: [...shape.convolutions.map(gridOf), headGrid()],
  };
}

interface Grid {
  readonly step: number;
  readonly zero: number;
}

const valueOf = (parameters: SensorParameters, name: string): Float32Array => {
  const state = parameters.get(name);
  assert(state, `${name} was trained`);
  return state.value;
};

// Quantizes and dequantizes: ONNX Runtime moves the pair into the kernels on both sides.
function throughCodes(value: Value, { step, zero }: Grid): Value {
  const { graph, shape } = value;
  const grid = [graph.scalar(step), graph.constant(Uint8Array.of(zero), [])];
  const codes = graph.emit({ operator: 'QuantizeLinear', inputs: [value, ...grid], shape, type: 'uint8' });
  return graph.emit({ operator: 'DequantizeLinear', inputs: [codes, ...grid], shape });
}

function convolution(
  input: Value,
  options: {
    readonly layer: ConvolutionShape;
    readonly parameters: SensorParameters;
    readonly inputStep: number;
  },
): Value {
  const { layer, parameters, inputStep } = options;
  const { name, outputs, taps, stride, padding, depthwise } = layer;
  const kernels = kernelShape(layer);
  const { graph } = input;
  const { codes, scales } = quantize(valueOf(parameters, `${name}.weight`), {
    shape: kernels,
    axis: 0,
    bits: MATRIX_WEIGHT_BITS,
  });
  const names = initializerNames(`${name}.weight`);
  const weightScales = graph.namedConstant(names.scales, scales, [outputs]);
  const weight = dequantize(graph.namedConstant(names.codes, codes, kernels), weightScales);
  const biasScales = scales.map((scale) => scale * inputStep);
  const biasCodes = Int32Array.from(valueOf(parameters, `${name}.bias`), (bias, at) =>
    Math.round(bias / (biasScales[at] ?? 1)),
  );
  const bias = dequantize(
    graph.namedConstant(`${name}.bias.int32`, biasCodes, [outputs]),
    graph.namedConstant(`${name}.bias.scale`, biasScales, [outputs]),
  );
  const length = Math.floor((Number(input.shape[2]) + 2 * padding - taps) / stride) + 1;
  return graph.emit({
    operator: 'Conv',
    inputs: [input, weight, bias],
    shape: [1, outputs, length],
    attributes: {
      strides: ints([stride]),
      pads: ints([padding, padding]),
      kernel_shape: ints([taps]),
      ...(depthwise ? { group: int(outputs) } : {}),
    },
  });
}

const dequantize = (codes: Value, scales: Value): Value =>
  codes.graph.emit({
    operator: 'DequantizeLinear',
    inputs: [codes, scales],
    shape: codes.shape,
    attributes: { axis: int(0) },
  });

function gridOf({ name }: ConvolutionShape): ManifestDraft['quantization'][number] {
  const { codes, scales } = initializerNames(`${name}.weight`);
  return { tensor: codes, scaleTensor: scales, axis: 0, bits: MATRIX_WEIGHT_BITS };
}

function headGrid(): ManifestDraft['quantization'][number] {
  const { codes, scales } = initializerNames('head.weight');
  return { tensor: codes, scaleTensor: scales, axis: 1, bits: MATRIX_WEIGHT_BITS };
}
