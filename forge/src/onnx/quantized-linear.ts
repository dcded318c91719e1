// Owns the one way in which our text graphs multiply by int8 weights: dynamic quantization of the activations to uint8,
// spelled in standard operators in the form that ONNX Runtime fuses into one DynamicQuantizeMatMul kernel. A missed
// fusion costs 2 to 29 times the time without an error, so a test looks at the optimized graph.
import { type Grid, type Quantized, quantize } from '@nanofleet/runtime';
import { add, mul } from '../autodiff/elementwise.ts';
import type { Value } from '../autodiff/graph.ts';

/**
 * Weights of matrix products keep 7 bits: kernels without VNNI add pairs of uint8 × int8 products in 16 bits, which
 * overflow at 255 · 127 · 2 but not at 255 · 63 · 2. Measured cost on clinc150: none.
 */
export const MATRIX_WEIGHT_BITS = 7;

/** A weight matrix as the file keeps it, and its grid: one scale a column. */
export interface QuantizedWeight {
  readonly quantized: Quantized;
  readonly grid: Grid;
}

/** Quantizes a row-major [inputs, outputs] matrix with one scale a column. */
export function quantizeColumns(weight: Float32Array, shape: readonly [number, number]): QuantizedWeight {
  const grid = { shape, axis: 1, bits: MATRIX_WEIGHT_BITS };
  return { quantized: quantize(weight, grid), grid };
}

/** Names of the initializers of a quantized layer, by the name of its weight. */
export const initializerNames = (weight: string): { readonly codes: string; readonly scales: string } => ({
  codes: `${weight}.int8`,
  scales: `${weight}.scale`,
});

/** A layer: its quantized weight [inputs, outputs] and bias [outputs], with the names under which the file keeps them. */
export interface QuantizedLayer {
  readonly weightName: string;
  readonly weight: QuantizedWeight;
  readonly biasName: string;
  readonly bias: Float32Array;
}

/** input […, inputs] · weight + bias → […, outputs]. */
export function quantizedLinear(input: Value, { weightName, weight, biasName, bias }: QuantizedLayer): Value {
  const { graph } = input;
  const [inputs = 0, outputs = 0] = weight.grid.shape;
  const names = initializerNames(weightName);
  const codes = graph.namedConstant(names.codes, weight.quantized.codes, [inputs, outputs]);
  const scales = graph.namedConstant(names.scales, weight.quantized.scales, [outputs]);
  const shape = [...input.shape.slice(0, -1), outputs];
  const [activations, activationScale, zeroPoint] = quantizedActivations(input);
  const product = graph.emit({
    operator: 'MatMulInteger',
    inputs: [activations, codes, zeroPoint],
    shape,
    type: 'int32',
  });
  const real = graph.emit({
    operator: 'Cast',
    inputs: [product],
    shape,
    attributes: { to: { kind: 'int', value: 1 } },
  });
  return add(mul(real, mul(activationScale, scales)), graph.namedConstant(biasName, bias, [outputs]));
}

function quantizedActivations(input: Value): [Value, Value, Value] {
  const outputs = [
    { type: 'uint8', shape: input.shape },
    { type: 'float32', shape: [] },
    { type: 'uint8', shape: [] },
  ] as const;
  return input.graph.emitMany({ operator: 'DynamicQuantizeLinear', inputs: [input] }, outputs) as [
    Value,
    Value,
    Value,
  ];
}
