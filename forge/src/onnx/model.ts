// Owns the description of an ONNX graph as plain values and its encoding (opset 21, IR 10).
// It never checks that operators exist or that shapes agree: the tracer does the latter, ONNX Runtime both.
// Field numbers: onnx/onnx.proto3 of ONNX 1.16.
import { ProtobufWriter } from './protobuf.ts';

/** The operator set that every graph of this project uses. */
const ONNX_OPSET = 21;
/** The file format version that belongs to opset 21. */
const ONNX_IR_VERSION = 10;

/** Element types by ONNX's own numbers. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;
/** Name of an element type. */
export type ElementType = keyof typeof ELEMENT_TYPES;

/** A dimension: a count, or a name for one that is known only at run time. */
export type Dimension = number | string;

/** A constant of the graph; `raw` holds the elements little endian, row major. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly dimensions: readonly number[];
  readonly raw: Uint8Array;
}

/** An attribute value; `int` and `float` are kept apart because JavaScript's numbers do not say which is meant. */
export type AttributeSpec =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'tensor'; readonly value: TensorSpec };

/** One operator call. `domain` is empty for standard operators. */
export interface NodeSpec {
  readonly operator: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
}

/** An input or output of the graph. */
export interface PortSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly dimensions: readonly Dimension[];
}

/** A whole model: nodes in an order in which every value is made before it is used. */
export interface ModelSpec {
  readonly name: string;
  readonly nodes: readonly NodeSpec[];
  readonly constants: readonly TensorSpec[];
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the standard operators; ours when left out. */
  readonly opset?: number;
}

/** The bytes of an .onnx file. Same value in, same bytes out. */
export function encodeModel(model: ModelSpec): Uint8Array {
  const writer = new ProtobufWriter()
    .integer(1, ONNX_IR_VERSION)
    .text(2, 'nanofleet')
    .message(7, graph(model));
  for (const [domain, version] of domains(model)) {
    writer.message(8, new ProtobufWriter().text(1, domain).integer(2, version));
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    writer.message(14, new ProtobufWriter().text(1, key).text(2, value));
  }
  return writer.finish();
}

function domains(model: ModelSpec): readonly (readonly [string, number])[] {
  const foreign = new Set(model.nodes.flatMap((node) => (node.domain ? [node.domain] : [])));
  return [['', model.opset ?? ONNX_OPSET], ...[...foreign].map((domain) => [domain, 1] as const)];
}

function graph(model: ModelSpec): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const node of model.nodes) writer.message(1, encodeNode(node));
  writer.text(2, model.name);
  for (const constant of model.constants) writer.message(5, encodeTensor(constant));
  for (const port of model.inputs) writer.message(11, encodePort(port));
  for (const port of model.outputs) writer.message(12, encodePort(port));
  return writer;
}

function encodeNode(node: NodeSpec): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const name of node.inputs) writer.text(1, name);
  for (const name of node.outputs) writer.text(2, name);
  writer.text(3, node.outputs[0] ?? '').text(4, node.operator);
  for (const [name, value] of Object.entries(node.attributes))
    writer.message(5, encodeAttribute(name, value));
  if (node.domain) writer.text(7, node.domain);
  return writer;
}

function encodeAttribute(name: string, attribute: AttributeSpec): ProtobufWriter {
  const writer = new ProtobufWriter().text(1, name);
  switch (attribute.kind) {
    case 'float':
      return writer.float(2, attribute.value).integer(20, 1);
    case 'int':
      return writer.integer(3, attribute.value).integer(20, 2);
    case 'text':
      return writer.text(4, attribute.value).integer(20, 3);
    case 'tensor':
      return writer.message(5, encodeTensor(attribute.value)).integer(20, 4);
    case 'floats':
      for (const value of attribute.value) writer.float(7, value);
      return writer.integer(20, 6);
    case 'ints':
      for (const value of attribute.value) writer.integer(8, value);
      return writer.integer(20, 7);
  }
}

function encodeTensor(tensor: TensorSpec): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const size of tensor.dimensions) writer.integer(1, size);
  return writer.integer(2, ELEMENT_TYPES[tensor.type]).text(8, tensor.name).bytes(9, tensor.raw);
}

function encodePort(port: PortSpec): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const size of port.dimensions) {
    const dimension = new ProtobufWriter();
    shape.message(1, typeof size === 'number' ? dimension.integer(1, size) : dimension.text(2, size));
  }
  const tensor = new ProtobufWriter().integer(1, ELEMENT_TYPES[port.type]).message(2, shape);
  return new ProtobufWriter().text(1, port.name).message(2, new ProtobufWriter().message(1, tensor));
}
