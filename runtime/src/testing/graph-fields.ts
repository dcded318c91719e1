/** Owns writing ONNX messages field by field, for the graphs of tests: they may not import the writer of forge. Never part of the product. */
import { joinedBytes } from '../joined-bytes.ts';
import { varint } from '../onnx/protobuf-reader.ts';

const encoder = new TextEncoder();
const integer = (number: number, value: number): Uint8Array =>
  joinedBytes([varint(number * 8), varint(value)]);
/** A field of bytes or text. */
export const bytes = (number: number, content: Uint8Array | string): Uint8Array => {
  const raw = typeof content === 'string' ? encoder.encode(content) : content;
  return joinedBytes([varint(number * 8 + 2), varint(raw.length), raw]);
};
/** A field that is a message of fields. */
export const message = (number: number, ...fields: Uint8Array[]): Uint8Array =>
  bytes(number, joinedBytes(fields));

/** Types of tensors, as in TensorProto.DataType. */
export const FLOAT = 1;
/** See FLOAT. */
export const INT8 = 3;
/** See FLOAT. */
export const INT32 = 6;
/** See FLOAT. */
export const INT64 = 7;

/** An initializer of a graph. */
export const tensor = (
  name: string,
  options: { dims: number[]; type: number; raw: Uint8Array },
): Uint8Array =>
  message(
    5,
    ...options.dims.map((dim) => integer(1, dim)),
    integer(2, options.type),
    bytes(8, name),
    bytes(9, options.raw),
  );

/** AttributeProto.AttributeType of a whole number. */
const INT = 2;

/** A node of a graph. @param options.attributes whole numbers */
export const node = (
  operator: string,
  options: { inputs: string[]; outputs: string[]; attributes?: Readonly<Record<string, number>> },
): Uint8Array =>
  message(
    1,
    ...options.inputs.map((name) => bytes(1, name)),
    ...options.outputs.map((name) => bytes(2, name)),
    bytes(4, operator),
    ...Object.entries(options.attributes ?? {}).map(([name, value]) =>
      message(5, bytes(1, name), integer(3, value), integer(20, INT)),
    ),
  );

/** An input (11) or output (12) of a graph. */
export const port = (
  number: 11 | 12,
  options: { name: string; type: number; dims: (number | string)[] },
): Uint8Array => {
  const dims = options.dims.map((dim) =>
    message(1, typeof dim === 'number' ? integer(1, dim) : bytes(2, dim)),
  );
  return message(
    number,
    bytes(1, options.name),
    message(2, message(1, integer(1, options.type), message(2, ...dims))),
  );
};

/** A model of the fields of its graph. */
export const model = (...graph: Uint8Array[]): Uint8Array =>
  joinedBytes([
    integer(1, 10),
    bytes(2, 'test'),
    message(7, ...graph, bytes(2, 'tiny')),
    message(8, bytes(1, ''), integer(2, 21)),
  ]);

/** Numbers as an initializer holds them. */
export const raw = (values: Float32Array | Int8Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer);
