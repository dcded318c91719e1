/**
 * Owns the weights inside an ONNX graph: lists its initializers and puts others in their place, bytes in, bytes out. Everything else of
 * the file is copied byte for byte. Reads only the raw form (`raw_data`), which is the only one that our writer makes.
 */

import { NanofleetError } from '@nanofleet/protocol';
import { joinedBytes } from '../joined-bytes.ts';
import { type Field, fieldsOf, packedVarints, varint } from './protobuf-reader.ts';

// Field numbers of onnx.proto3 (ModelProto, GraphProto, TensorProto).
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_DIMS = 1;
const TENSOR_TYPE = 2;
const TENSOR_NAME = 8;
const TENSOR_RAW = 9;
const LENGTH_DELIMITED = 2;

/** Bytes per element of the types that we write: float32, uint8, int8, int32, int64, bool, float16, float64. */
const ELEMENT_BYTES = new Map([
  [1, 4],
  [2, 1],
  [3, 1],
  [6, 4],
  [7, 8],
  [9, 1],
  [10, 2],
  [11, 8],
]);

/** A named weight of a graph. */
export interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  /** TensorProto.DataType: 1 float32, 2 uint8, 3 int8, 6 int32, 7 int64. */
  readonly dataType: number;
  /** Little-endian elements; a view into the graph's bytes. */
  readonly raw: Uint8Array;
}

/** What takes the place of an initializer; the type stays, the shape may change (a head that gained rows). */
export interface Replacement {
  readonly dims?: readonly number[];
  readonly raw: Uint8Array;
}

/** The initializers of an ONNX model; @throws NanofleetError `GRAPH_UNSUPPORTED`. */
export const listInitializers = (model: Uint8Array): Initializer[] =>
  Array.from(fieldsOf(graphOf(model).bytes))
    .filter(isInitializer)
    .map((field) => readTensor(field.bytes));

/**
 * The model with other weights under the same names.
 * @throws NanofleetError `GRAPH_UNSUPPORTED` when a name is not in the graph or twice, or bytes and shape do not fit.
 */
export function replaceInitializers(
  model: Uint8Array,
  replacements: ReadonlyMap<string, Replacement>,
): Uint8Array {
  const graph = graphOf(model);
  const missing = new Set(replacements.keys());
  const parts = Array.from(fieldsOf(graph.bytes)).flatMap((field) => {
    const original = [graph.bytes.subarray(field.from, field.to)];
    if (!isInitializer(field)) return original;
    const tensor = readTensor(field.bytes);
    const replacement = replacements.get(tensor.name);
    if (replacement === undefined) return original;
    // A name that came twice would be filled twice: a small graph could grow without bound.
    if (!missing.delete(tensor.name)) throw unsupported(`it holds the initializer ${tensor.name} twice`);
    return delimited(GRAPH_INITIALIZER, writeTensor(field.bytes, tensor, replacement));
  });
  if (missing.size > 0) throw unsupported(`it has no initializer ${[...missing].join(', ')}`);
  return joinedBytes([
    model.subarray(0, graph.from),
    ...delimited(MODEL_GRAPH, parts),
    model.subarray(graph.to),
  ]);
}

const isInitializer = (field: Field): boolean =>
  field.number === GRAPH_INITIALIZER && field.wire === LENGTH_DELIMITED;

function graphOf(model: Uint8Array): Field {
  const graphs = Array.from(fieldsOf(model)).filter(
    (field) => field.number === MODEL_GRAPH && field.wire === LENGTH_DELIMITED,
  );
  const [graph] = graphs;
  if (graph === undefined || graphs.length > 1) throw unsupported('it does not hold exactly one graph');
  return graph;
}

function readTensor(bytes: Uint8Array): Initializer {
  const dims: number[] = [];
  let [name, dataType] = ['', 0];
  let raw: Uint8Array | undefined;
  for (const field of fieldsOf(bytes)) {
    if (field.number === TENSOR_DIMS) dims.push(...packedVarints(field));
    else if (field.number === TENSOR_TYPE) dataType = field.value;
    else if (field.number === TENSOR_NAME) name = new TextDecoder().decode(field.bytes);
    else if (field.number === TENSOR_RAW) raw = field.bytes;
  }
  if (raw === undefined) throw unsupported(`initializer ${name} is not in raw form`);
  checkSize({ name, dims, dataType, raw });
  return { name, dims, dataType, raw };
}

function checkSize({ name, dims, dataType, raw }: Initializer): void {
  const elementBytes = ELEMENT_BYTES.get(dataType);
  if (elementBytes === undefined) throw unsupported(`initializer ${name} has element type ${dataType}`);
  const expected = dims.reduce((product, size) => product * size, elementBytes);
  if (raw.length !== expected)
    throw unsupported(`${name} has ${raw.length} bytes, its shape needs ${expected}`);
}

function writeTensor(original: Uint8Array, tensor: Initializer, replacement: Replacement): Uint8Array[] {
  const dims = replacement.dims ?? tensor.dims;
  checkSize({ ...tensor, dims, raw: replacement.raw });
  const kept = Array.from(fieldsOf(original))
    .filter((field) => field.number !== TENSOR_DIMS && field.number !== TENSOR_RAW)
    .map((field) => original.subarray(field.from, field.to));
  return [...delimited(TENSOR_DIMS, dims.map(varint)), ...kept, ...delimited(TENSOR_RAW, [replacement.raw])];
}

/** A field of some parts, which are joined only when the whole is: weights are copied once. */
function delimited(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  return [varint(number * 8 + LENGTH_DELIMITED), varint(bytes), ...parts];
}

const unsupported = (why: string): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The graph was refused: ${why}.`);
