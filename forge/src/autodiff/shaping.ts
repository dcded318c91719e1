// Owns the operators that move elements without computing: reshape, transpose, concat, slice, pad, gather.
// It never changes a value's elements.
import assert from 'node:assert/strict';
import { int, ints } from '../onnx/attributes.ts';
import type { Shape, Value } from './graph.ts';
import { dimension, knownDimension, positiveAxis } from './shape.ts';

/** The same elements in another shape with at most one dimension known only at run time. */
export function reshape(value: Value, shape: Shape): Value {
  const target = shape.map((size) => (typeof size === 'number' ? size : -1));
  assert(
    target.filter((size) => size === -1).length <= 1,
    `[${shape.join()}] has several dimensions known only at run time`,
  );
  return value.graph.emit({
    operator: 'Reshape',
    inputs: [value, value.graph.integers(target)],
    shape,
    backward: [(gradient) => reshape(gradient, value.shape), null],
  });
}

/** Reorders the axes: result axis i is value axis `order[i]`. */
export function transpose(value: Value, order: readonly number[]): Value {
  assert.deepEqual(
    order.toSorted((a, b) => a - b),
    [...value.shape.keys()],
    `order of axes of ${value.name}`,
  );
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return value.graph.emit({
    operator: 'Transpose',
    inputs: [value],
    shape: order.map((axis) => dimension(value, axis)),
    attributes: { perm: ints(order) },
    backward: [(gradient) => transpose(gradient, inverse)],
  });
}

/** Joins values along an axis whose sizes are known. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  assert(first, 'concat of nothing');
  const along = positiveAxis(first, axis);
  const sizes = values.map((value) => knownDimension(value, along));
  const starts = sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0));
  return first.graph.emit({
    operator: 'Concat',
    inputs: values,
    shape: first.shape.map((size, at) => (at === along ? sizes.reduce((sum, part) => sum + part, 0) : size)),
    attributes: { axis: int(along) },
    backward: values.map((_, index) => (gradient) => {
      const start = starts[index] ?? 0;
      return slice(gradient, { axis: along, start, end: start + (sizes[index] ?? 0) });
    }),
  });
}

/** Which part of an axis `slice` keeps: from `start` up to, not including, `end`, every `step`-th. */
export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step?: number;
}

/** A part of one axis whose size is known. */
export function slice(value: Value, { axis, start, end, step = 1 }: SliceRange): Value {
  const along = positiveAxis(value, axis);
  const size = knownDimension(value, along);
  assert(start >= 0 && start < end && end <= size && step >= 1, `slice ${start}:${end}:${step} of ${size}`);
  const count = Math.ceil((end - start) / step);
  const { graph } = value;
  return graph.emit({
    operator: 'Slice',
    inputs: [
      value,
      graph.integers([start]),
      graph.integers([end]),
      graph.integers([along]),
      graph.integers([step]),
    ],
    shape: value.shape.map((length, at) => (at === along ? count : length)),
    backward: [(gradient) => unslice(gradient, { along, start, size, step }), null, null, null, null],
  });
}

interface Unslice {
  readonly along: number;
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

// The gradient of a slice: spread by `step` with zeros between, then zeros before and after.
function unslice(gradient: Value, { along, start, size, step }: Unslice): Value {
  const spread = step === 1 ? gradient : interleaveZeros(gradient, along, step);
  const length = knownDimension(spread, along);
  const fitted = start + length > size ? slice(spread, { axis: along, start: 0, end: size - start }) : spread;
  return pad(fitted, { axis: along, before: start, after: size - start - knownDimension(fitted, along) });
}

function interleaveZeros(value: Value, along: number, step: number): Value {
  const count = knownDimension(value, along);
  const opened = [...value.shape.slice(0, along + 1), 1, ...value.shape.slice(along + 1)];
  const padded = pad(reshape(value, opened), { axis: along + 1, before: 0, after: step - 1 });
  return reshape(
    padded,
    value.shape.map((size, axis) => (axis === along ? count * step : size)),
  );
}

/** Adds zeros before and after along one axis whose size is known. */
export function pad(
  value: Value,
  { axis, before, after }: { readonly axis: number; readonly before: number; readonly after: number },
): Value {
  if (before === 0 && after === 0) return value;
  const along = positiveAxis(value, axis);
  const size = knownDimension(value, along);
  const { graph } = value;
  return graph.emit({
    operator: 'Pad',
    inputs: [value, graph.integers([before, after]), graph.scalar(0), graph.integers([along])],
    shape: value.shape.map((length, at) => (at === along ? before + size + after : length)),
    backward: [
      (gradient) => slice(gradient, { axis: along, start: before, end: before + size }),
      null,
      null,
      null,
    ],
  });
}

/**
 * Rows of `table` [V, …] by `indices` (int32 or int64). Its gradient is a dense tensor of the table's size: for a large
 * embedding table keep the rows outside the graph instead and feed only those that a batch uses.
 */
export function gather(table: Value, indices: Value): Value {
  const rest = table.shape.slice(1);
  return table.graph.emit({
    operator: 'Gather',
    inputs: [table, indices],
    shape: [...indices.shape, ...rest],
    attributes: { axis: int(0) },
    backward: [(gradient) => scatterAdd(gradient, indices, table), null],
  });
}

function scatterAdd(gradient: Value, indices: Value, table: Value): Value {
  const { graph } = table;
  const zeros = graph.emit({ operator: 'Sub', inputs: [table, table], shape: table.shape });
  const wide = graph.emit({
    operator: 'Cast',
    inputs: [indices],
    shape: indices.shape,
    type: 'int64',
    attributes: { to: int(7) },
  });
  const column = reshape(wide, [...indices.shape, 1]);
  return graph.emit({
    operator: 'ScatterND',
    inputs: [zeros, column, gradient],
    shape: table.shape,
    attributes: { reduction: { kind: 'text', value: 'add' } },
  });
}
