/**
 * Owns graphs small enough to check by hand, for tests of this package: it may not import the writer of forge, and a committed binary
 * would hide what it computes. Never part of the product.
 */
import { joinedBytes } from '../joined-bytes.ts';
import { varint } from '../onnx/protobuf-reader.ts';

const encoder = new TextEncoder();
const integer = (number: number, value: number): Uint8Array =>
  joinedBytes([varint(number * 8), varint(value)]);
const bytes = (number: number, content: Uint8Array | string): Uint8Array => {
  const raw = typeof content === 'string' ? encoder.encode(content) : content;
  return joinedBytes([varint(number * 8 + 2), varint(raw.length), raw]);
};
const message = (number: number, ...fields: Uint8Array[]): Uint8Array => bytes(number, joinedBytes(fields));

const FLOAT = 1;
const INT8 = 3;
const INT32 = 6;
const INT64 = 7;

const tensor = (name: string, options: { dims: number[]; type: number; raw: Uint8Array }): Uint8Array =>
  message(
    5,
    ...options.dims.map((dim) => integer(1, dim)),
    integer(2, options.type),
    bytes(8, name),
    bytes(9, options.raw),
  );

const node = (operator: string, options: { inputs: string[]; outputs: string[] }): Uint8Array =>
  message(
    1,
    ...options.inputs.map((name) => bytes(1, name)),
    ...options.outputs.map((name) => bytes(2, name)),
    bytes(4, operator),
  );

const port = (
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

const model = (...graph: Uint8Array[]): Uint8Array =>
  joinedBytes([
    integer(1, 10),
    bytes(2, 'test'),
    message(7, ...graph, bytes(2, 'tiny')),
    message(8, bytes(1, ''), integer(2, 21)),
  ]);

const raw = (values: Float32Array | Int8Array | BigInt64Array): Uint8Array => new Uint8Array(values.buffer);

/** Text graph: penultimate = sum of the table's rows; logits = penultimate * weight. */
export function tinyTextGraph(options: { table: number[][]; weight: number[][] }): Uint8Array {
  const [buckets, width, labels] = [
    options.table.length,
    options.table[0]?.length ?? 0,
    options.weight[0]?.length ?? 0,
  ];
  return model(
    node('Gather', { inputs: ['table', 'rows'], outputs: ['gathered'] }),
    node('ReduceSum', { inputs: ['gathered', 'first'], outputs: ['penultimate'] }),
    node('MatMul', { inputs: ['penultimate', 'weight'], outputs: ['logits'] }),
    tensor('table', {
      dims: [buckets, width],
      type: FLOAT,
      raw: raw(Float32Array.from(options.table.flat())),
    }),
    tensor('weight', {
      dims: [width, labels],
      type: FLOAT,
      raw: raw(Float32Array.from(options.weight.flat())),
    }),
    tensor('first', { dims: [1], type: INT64, raw: raw(BigInt64Array.of(0n)) }),
    port(11, { name: 'rows', type: INT32, dims: ['N'] }),
    port(12, { name: 'logits', type: FLOAT, dims: [1, labels] }),
    port(12, { name: 'penultimate', type: FLOAT, dims: [1, width] }),
  );
}

/** A quantized table with a scale a row, and no node: something to pack. */
export function tinyTableGraph({ codes, scales }: { codes: Int8Array; scales: Float32Array }): Uint8Array {
  return model(
    tensor('table.int8', {
      dims: [scales.length, codes.length / scales.length],
      type: INT8,
      raw: raw(codes),
    }),
    tensor('table.scale', { dims: [scales.length], type: FLOAT, raw: raw(scales) }),
  );
}

/** Sensor graph: penultimate = mean over time of each channel; logits = penultimate * weight. */
export function tinySensorGraph(options: { samples: number; weight: number[][] }): Uint8Array {
  const [channels, labels] = [options.weight.length, options.weight[0]?.length ?? 0];
  return model(
    node('ReduceMean', { inputs: ['window', 'last'], outputs: ['kept'] }),
    node('Squeeze', { inputs: ['kept', 'last'], outputs: ['penultimate'] }),
    node('MatMul', { inputs: ['penultimate', 'weight'], outputs: ['logits'] }),
    tensor('weight', {
      dims: [channels, labels],
      type: FLOAT,
      raw: raw(Float32Array.from(options.weight.flat())),
    }),
    tensor('last', { dims: [1], type: INT64, raw: raw(BigInt64Array.of(2n)) }),
    port(11, { name: 'window', type: FLOAT, dims: [1, channels, options.samples] }),
    port(12, { name: 'logits', type: FLOAT, dims: [1, labels] }),
    port(12, { name: 'penultimate', type: FLOAT, dims: [1, channels] }),
  );
}
