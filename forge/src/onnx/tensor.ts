// Owns the way from typed arrays to the raw bytes of a graph's constants. It never converts between element types.
import assert from 'node:assert/strict';
import type { ElementType, TensorSpec } from './model.ts';

/** The array types that a constant can be made of. */
export type TensorElements = Float32Array | Int32Array | Int8Array | Uint8Array | BigInt64Array;

/** A constant from a typed array, row major. Asserts that the count of elements fits the dimensions. */
export function tensorSpec(
  name: string,
  elements: TensorElements,
  dimensions: readonly number[],
): TensorSpec {
  const count = dimensions.reduce((product, size) => product * size, 1);
  assert(
    count === elements.length,
    `${name}: ${elements.length} elements for dimensions [${dimensions.join(', ')}]`,
  );
  const raw = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return { name, type: elementType(elements), dimensions, raw };
}

/** The elements of a float32 constant, as a copy: its bytes may lie anywhere in a file. */
export const floatsOf = ({ raw }: TensorSpec): Float32Array<ArrayBuffer> =>
  new Float32Array(Uint8Array.from(raw).buffer);

function elementType(elements: TensorElements): ElementType {
  if (elements instanceof Float32Array) return 'float32';
  if (elements instanceof Int32Array) return 'int32';
  if (elements instanceof Int8Array) return 'int8';
  return elements instanceof Uint8Array ? 'uint8' : 'int64';
}
