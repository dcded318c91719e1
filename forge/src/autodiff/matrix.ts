// Owns matrix products and what is built of them: linear layers and one-dimensional convolutions by im2col.
// Convolution gradients by im2col cost about half of those by ConvTranspose on one thread (CNN 9x128: 7.4 against 13.3 ms).
import assert from 'node:assert/strict';
import { int } from '../onnx/attributes.ts';
import { add, mul, sumTo } from './elementwise.ts';
import type { Shape, Value } from './graph.ts';
import { broadcastShape, dimension, knownDimension } from './shape.ts';
import { concat, pad, reshape, slice, transpose } from './shaping.ts';

/** Matrix product over the last two axes, the others broadcast. */
export function matMul(left: Value, right: Value): Value {
  const shape = productShape(left, right);
  return left.graph.emit({
    operator: 'MatMul',
    inputs: [left, right],
    shape,
    backward: [
      (gradient) => sumTo(matMul(gradient, swapLast(right)), left.shape),
      (gradient) => sumTo(matMul(swapLast(left), gradient), right.shape),
    ],
  });
}

/** input [N, I] · weight [I, O] + bias [O]. */
export function linear(input: Value, weight: Value, bias: Value): Value {
  return input.graph.emit({
    operator: 'Gemm',
    inputs: [input, weight, bias],
    shape: [dimension(input, 0), dimension(weight, 1)],
    backward: [
      (gradient) => gemm(gradient, weight, { transposeRight: true }),
      (gradient) => gemm(input, gradient, { transposeLeft: true }),
      (gradient) => sumTo(gradient, bias.shape),
    ],
  });
}

/** How a convolution walks: every `stride`-th position, with `padding` zeros on both ends. */
export interface ConvolutionOptions {
  readonly stride?: number;
  readonly padding?: number;
}

/** One-dimensional convolution: input [N, C, L], weight [O, C, K], bias [O] → [N, O, L']. The layout is that of ONNX's Conv. */
export function conv1d(
  input: Value,
  weight: Value,
  bias: Value,
  { stride = 1, padding = 0 }: ConvolutionOptions = {},
): Value {
  const [outputs, channels, taps] = [0, 1, 2].map((axis) => knownDimension(weight, axis)) as [
    number,
    number,
    number,
  ];
  const columns = windows(input, { taps, stride, padding }).map((part) =>
    reshape(part, [part.shape[0] ?? 1, channels, 1, knownDimension(part, 2)]),
  );
  const length = knownDimension(columns[0] ?? input, 3);
  const matrix = reshape(concat(columns, 2), [dimension(input, 0), channels * taps, length]);
  const product = matMul(reshape(weight, [outputs, channels * taps]), matrix);
  return add(product, reshape(bias, [outputs, 1]));
}

/** Depthwise convolution: input [N, C, L], weight [C, 1, K], bias [C] → [N, C, L']. */
export function depthwiseConv1d(
  input: Value,
  weight: Value,
  bias: Value,
  { stride = 1, padding = 0 }: ConvolutionOptions = {},
): Value {
  const channels = knownDimension(weight, 0);
  const taps = knownDimension(weight, 2);
  const parts = windows(input, { taps, stride, padding }).map((part, tap) =>
    mul(part, reshape(slice(weight, { axis: 2, start: tap, end: tap + 1 }), [channels, 1])),
  );
  return parts.reduce(add, reshape(bias, [channels, 1]));
}

// For each tap the strided slice of the padded input that it meets.
function windows(
  input: Value,
  { taps, stride, padding }: Required<ConvolutionOptions> & { readonly taps: number },
): Value[] {
  const padded = pad(input, { axis: 2, before: padding, after: padding });
  const length = Math.floor((knownDimension(padded, 2) - taps) / stride) + 1;
  assert(length >= 1, `${input.name} is shorter than a kernel of ${taps}`);
  return Array.from({ length: taps }, (_, tap) =>
    slice(padded, { axis: 2, start: tap, end: tap + (length - 1) * stride + 1, step: stride }),
  );
}

function gemm(left: Value, right: Value, { transposeLeft = false, transposeRight = false }): Value {
  return left.graph.emit({
    operator: 'Gemm',
    inputs: [left, right],
    shape: [dimension(left, transposeLeft ? 1 : 0), dimension(right, transposeRight ? 0 : 1)],
    attributes: { transA: int(transposeLeft ? 1 : 0), transB: int(transposeRight ? 1 : 0) },
  });
}

function productShape(left: Value, right: Value): Shape {
  assert(left.shape.length >= 2 && right.shape.length >= 2, 'a matrix product needs two axes on both sides');
  assert(
    dimension(left, -1) === dimension(right, -2),
    `product of [${left.shape.join()}] and [${right.shape.join()}]`,
  );
  const lead = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  return [...lead, dimension(left, -2), dimension(right, -1)];
}

function swapLast(value: Value): Value {
  const rank = value.shape.length;
  return transpose(value, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2]);
}
