/**
 * Owns graphs small enough to check by hand, for tests of this package: it may not import the writer of forge, and a committed binary
 * would hide what it computes. Never part of the product.
 */
import { FLOAT, INT8, INT32, INT64, model, node, port, raw, tensor } from './graph-fields.ts';

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
