// Owns arithmetic on shapes: broadcasting as ONNX does it and checks that give a readable message.
// It never emits an operator.
import assert from 'node:assert/strict';
import type { Dimension } from '../onnx/model.ts';
import type { Shape, Value } from './graph.ts';

/** The shape of an elementwise operator over two shapes (numpy's rule). A named dimension fits itself and 1. */
export function broadcastShape(left: Shape, right: Shape): Shape {
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, index) => {
    const a = left[index - rank + left.length] ?? 1;
    const b = right[index - rank + right.length] ?? 1;
    assert(a === b || a === 1 || b === 1, `shapes [${left.join()}] and [${right.join()}] do not broadcast`);
    return a === 1 ? b : a;
  });
}

/** A non-negative axis from one that may count from the end. */
export function positiveAxis(value: Value, axis: number): number {
  const rank = value.shape.length;
  assert(axis >= -rank && axis < rank, `axis ${axis} of ${value.name} with ${rank} dimensions`);
  return axis < 0 ? axis + rank : axis;
}

/** The size of one dimension. Asserts that it is in range. */
export function dimension(value: Value, axis: number): Dimension {
  const size = value.shape[positiveAxis(value, axis)];
  assert(size !== undefined);
  return size;
}

/** The size of one dimension that must be known now. */
export function knownDimension(value: Value, axis: number): number {
  const size = dimension(value, axis);
  assert(typeof size === 'number', `dimension ${axis} of ${value.name} is known only at run time`);
  return size;
}

/** The shape without the given axes (non-negative). */
export function withoutAxes(shape: Shape, axes: readonly number[]): Shape {
  return shape.filter((_, index) => !axes.includes(index));
}
