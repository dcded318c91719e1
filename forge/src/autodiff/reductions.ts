// Owns sums, means and maxima over axes and what is built of them: softmax and pooling.
// It never keeps a state: a mean over a batch of unknown size asks the graph for the size at run time.
import { int } from '../onnx/attributes.ts';
import { div, mul, sub } from './elementwise.ts';
import type { Shape, Value } from './graph.ts';
import { dimension, positiveAxis, withoutAxes } from './shape.ts';
import { reshape } from './shaping.ts';

/** Sum over the given axes (default: all), which disappear, or stay with size 1 if `keep` is set. */
export function reduceSum(
  value: Value,
  axes: readonly number[] = allAxes(value),
  { keep = false } = {},
): Value {
  const along = axes.map((axis) => positiveAxis(value, axis));
  const kept = keptShape(value, along);
  return value.graph.emit({
    operator: 'ReduceSum',
    inputs: [value, value.graph.integers(along)],
    shape: keep ? kept : withoutAxes(value.shape, along),
    attributes: { keepdims: int(keep ? 1 : 0) },
    backward: [(gradient) => expandLike(reopened(gradient, kept), value), null],
  });
}

/** Mean over the given axes (default: all). */
export function reduceMean(
  value: Value,
  axes: readonly number[] = allAxes(value),
  options: { readonly keep?: boolean } = {},
): Value {
  const sum = reduceSum(value, axes, options);
  return axes.reduce((mean, axis) => div(mean, size(value, positiveAxis(value, axis))), sum);
}

/** Largest element over one axis, which disappears. Equal maxima share the gradient. */
export function reduceMax(value: Value, axis: number): Value {
  const along = positiveAxis(value, axis);
  const kept = keptShape(value, [along]);
  const output: Value = value.graph.emit({
    operator: 'ReduceMax',
    inputs: [value, value.graph.integers([along])],
    shape: withoutAxes(value.shape, [along]),
    attributes: { keepdims: int(0) },
    backward: [
      (gradient) => mul(reopened(gradient, kept), shareOfMaximum(value, reopened(output, kept), along)),
      null,
    ],
  });
  return output;
}

/** Mean over the last axis: [N, C, L] → [N, C]. */
export function meanPool(value: Value): Value {
  return reduceMean(value, [-1]);
}

/** Maximum over the last axis: [N, C, L] → [N, C]. */
export function maxPool(value: Value): Value {
  return reduceMax(value, -1);
}

/** Softmax over the last axis. */
export function softmax(value: Value): Value {
  const output: Value = value.graph.emit({
    operator: 'Softmax',
    inputs: [value],
    shape: value.shape,
    attributes: { axis: int(-1) },
    backward: [
      (gradient) => {
        const weighted = mul(gradient, output);
        return sub(weighted, mul(output, reduceSum(weighted, [-1], { keep: true })));
      },
    ],
  });
  return output;
}

/** Logarithm of the softmax over the last axis. */
export function logSoftmax(value: Value): Value {
  return value.graph.emit({
    operator: 'LogSoftmax',
    inputs: [value],
    shape: value.shape,
    attributes: { axis: int(-1) },
    backward: [(gradient) => sub(gradient, mul(softmax(value), reduceSum(gradient, [-1], { keep: true })))],
  });
}

/** The size of one dimension as a float32 scalar, also if only the run knows it. */
export function size(value: Value, axis: number): Value {
  const { graph } = value;
  const known = dimension(value, axis);
  if (typeof known === 'number') return graph.scalar(known);
  const at = positiveAxis(value, axis);
  const count = graph.emit({
    operator: 'Shape',
    inputs: [value],
    shape: [1],
    type: 'int64',
    attributes: { start: int(at), end: int(at + 1) },
  });
  return reshape(
    graph.emit({ operator: 'Cast', inputs: [count], shape: [1], attributes: { to: int(1) } }),
    [],
  );
}

function shareOfMaximum(value: Value, maximum: Value, axis: number): Value {
  const { graph } = value;
  const equal = graph.emit({ operator: 'Equal', inputs: [value, maximum], shape: value.shape, type: 'bool' });
  const hits = graph.emit({
    operator: 'Cast',
    inputs: [equal],
    shape: value.shape,
    attributes: { to: int(1) },
  });
  return div(hits, reduceSum(hits, [axis], { keep: true }));
}

function reopened(value: Value, kept: Shape): Value {
  return value.shape.length === kept.length ? value : reshape(value, kept);
}

function expandLike(value: Value, like: Value): Value {
  const { graph } = value;
  const shape = graph.emit({ operator: 'Shape', inputs: [like], shape: [like.shape.length], type: 'int64' });
  return graph.emit({ operator: 'Expand', inputs: [value, shape], shape: like.shape });
}

function keptShape(value: Value, along: readonly number[]): Shape {
  return value.shape.map((length, axis) => (along.includes(axis) ? 1 : length));
}

function allAxes(value: Value): number[] {
  return [...value.shape.keys()];
}
