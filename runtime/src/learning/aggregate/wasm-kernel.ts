/**
 * Owns the aggregation kernel in WebAssembly SIMD: the squares of int8 codes and sums of scaled codes, 16 at a time. Plain
 * JavaScript is slower than numpy here. `scalar-kernel.ts` says the same in a page of loops; a test holds both together.
 */
import { compileWasm, runWasm } from '../../wasm/wasm-module.ts';
import { wasmOp as op, WASM_TYPE as TYPE, type WasmFunction, writeWasm } from '../../wasm/wasm-writer.ts';

/** Codes of one step; counts are multiples of it, filled up with zeros. */
export const KERNEL_STEP = 16;
/** Codes of one call of `squares`: above, a 32-bit lane could overflow (each step adds at most 4 · 127²). */
const SQUARES_CODES_MAX = 262_144;
const LOWEST = -128;

/** Arithmetic over a memory that holds codes and sums. */
export interface AggregationKernel {
  /** Where codes and sums lie; replaced when it grows. */
  readonly memory: { readonly buffer: ArrayBufferLike };
  /** Sum of the squares of codes; negative when one of them is -128, which no update may hold. */
  squares(codesAt: number, count: number): number;
  /** sums[i] += factor · codes[i], in float32: the product is rounded, then the sum. */
  add(at: KernelRange, factor: number): void;
}

/** Places in the memory, in bytes; `count` codes. */
export interface KernelRange {
  readonly codes: number;
  readonly sums: number;
  readonly count: number;
}

/** Adds a step's bytes to the pointer in a local and compares it with the end in another. */
const advance = (local: number, end: number): number[] => [
  ...op.get(local),
  ...op.i32(KERNEL_STEP),
  ...op.i32Add,
  ...op.set(local),
  ...op.get(local),
  ...op.get(end),
  ...op.i32LessUnsigned,
];

/** squares(codes, end): locals 2 codes, 3 squares, 4 least, 5 eight codes. */
const squares: WasmFunction = {
  name: 'squares',
  parameters: [TYPE.i32, TYPE.i32],
  result: TYPE.f64,
  locals: [TYPE.v128, TYPE.v128, TYPE.v128, TYPE.v128],
  body: [
    op.repeatWhile([
      ...[op.get(0), op.load(), op.set(2)].flat(),
      ...[op.get(4), op.get(2), op.leastI8, op.set(4)].flat(),
      ...op.get(3),
      ...[op.get(0), op.loadI16FromI8(), op.tee(5), op.get(5), op.dotI16, op.addI32].flat(),
      ...[op.get(0), op.loadI16FromI8(8), op.tee(5), op.get(5), op.dotI16, op.addI32].flat(),
      ...op.set(3),
      ...advance(0, 1),
    ]),
    op.f64(-1),
    [0, 1, 2, 3].flatMap((lane) => [
      ...op.get(3),
      ...op.laneI32(lane),
      ...op.i64FromI32Unsigned,
      ...(lane === 0 ? [] : op.i64Add),
    ]),
    op.f64FromI64Unsigned,
    [...op.get(4), ...op.i32(LOWEST), ...op.splatI8, ...op.equalI8, ...op.anyTrue],
    op.select,
  ],
};

/** Four sums more: local 5 holds eight 16-bit codes, local 4 the factor in each lane. */
const addFour = (half: readonly number[], offset: number): number[] => [
  ...op.get(2),
  ...[op.get(5), half, op.f32FromI32, op.get(4), op.mulF32].flat(),
  ...[op.get(2), op.load(offset), op.addF32].flat(),
  ...op.store(offset),
];

/** add(codes, end, sums, factor): locals 4 factor in each lane, 5 eight codes. */
const add: WasmFunction = {
  name: 'add',
  parameters: [TYPE.i32, TYPE.i32, TYPE.i32, TYPE.f32],
  result: null,
  locals: [TYPE.v128, TYPE.v128],
  body: [
    [...op.get(3), ...op.splatF32, ...op.set(4)],
    op.repeatWhile([
      ...[op.get(0), op.loadI16FromI8(), op.set(5)].flat(),
      ...addFour(op.lowI32FromI16, 0),
      ...addFour(op.highI32FromI16, 16),
      ...[op.get(0), op.loadI16FromI8(8), op.set(5)].flat(),
      ...addFour(op.lowI32FromI16, 32),
      ...addFour(op.highI32FromI16, 48),
      ...[op.get(2), op.i32(4 * KERNEL_STEP), op.i32Add, op.set(2)].flat(),
      ...advance(0, 1),
    ]),
  ],
};

interface Exports {
  squares(codes: number, end: number): number;
  add(codes: number, end: number, sums: number, factor: number): void;
}

let compiled: object | undefined;

/** A kernel over so many bytes of memory. */
export function wasmKernel(bytes: number): AggregationKernel {
  compiled ??= compileWasm(writeWasm([squares, add]));
  const running = runWasm(compiled, bytes);
  const exports = running.exports as Exports;
  return {
    memory: running.memory,
    squares(codesAt, count) {
      let sum = 0;
      for (let from = 0; from < count; from += SQUARES_CODES_MAX) {
        const part = exports.squares(codesAt + from, codesAt + Math.min(count, from + SQUARES_CODES_MAX));
        if (part < 0) return part;
        sum += part;
      }
      return sum;
    },
    add: ({ codes, count, sums }, factor) => exports.add(codes, codes + count, sums, factor),
  };
}
