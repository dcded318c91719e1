// Owns arithmetic on float32 rows in WebAssembly SIMD: a row added to another one, and a row moved by Adam. It computes in
// float64 and rounds what it stores, as JavaScript does: the bits are those of plain loops, in a third of their time (half where the table leaves the cache).
// It never knows what a row stands for.
import assert from 'node:assert/strict';
import {
  compileWasm,
  wasmOp as op,
  runWasm,
  WASM_TYPE as TYPE,
  type WasmCode,
  type WasmFunction,
  writeWasm,
} from '@nanofleet/runtime';

/** Those of every graph. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Where the parts of a row lie, in bytes from the start of the memory. */
export interface RowPlaces {
  readonly value: number;
  readonly firstMoment: number;
  readonly secondMoment: number;
  readonly gradient: number;
}

/** Rows of one width in one memory. */
export interface RowKernel {
  readonly memory: ArrayBuffer;
  /** The row at `to` gets `factor` times the row at `from` more; both places in bytes. */
  add(rows: { readonly to: number; readonly from: number }, factor: number): void;
  /** Adam without weight decay; `rate` holds the bias correction. */
  move(row: RowPlaces, rate: number): void;
}

/** How many floats an instruction takes, as bytes of the specification (WebAssembly core 2.0, chapter 5.4). */
interface Lanes {
  readonly bytes: number;
  readonly type: WasmFunction['locals'][number];
  /** From the address on the stack, widened to float64. */
  readonly load: WasmCode;
  readonly store: WasmCode;
  readonly spread: WasmCode;
  readonly add: WasmCode;
  readonly subtract: WasmCode;
  readonly multiply: WasmCode;
  readonly divide: WasmCode;
  readonly root: WasmCode;
}

const PAIRS: Lanes = {
  bytes: 8,
  type: TYPE.v128,
  load: [0xfd, 0x5d, 0, 0, 0xfd, 0x5f],
  store: [0xfd, 0x5e, 0xfd, 0x5b, 0, 0, 0],
  spread: [0xfd, 0x14],
  add: [0xfd, 0xf0, 1],
  subtract: [0xfd, 0xf1, 1],
  multiply: [0xfd, 0xf2, 1],
  divide: [0xfd, 0xf3, 1],
  root: [0xfd, 0xef, 1],
};
/** For rows of odd width. */
const SINGLES: Lanes = {
  bytes: 4,
  type: TYPE.f64,
  load: [0x2a, 0, 0, 0xbb],
  store: [0xb6, 0x38, 0, 0],
  spread: [],
  add: [0xa0],
  subtract: [0xa1],
  multiply: [0xa2],
  divide: [0xa3],
  root: [0x9f],
};

const { i32, f64 } = TYPE;
const { get, set, tee } = op;
const joined = (...codes: readonly WasmCode[]): WasmCode => codes.flat();

/** Repeats while the address in local 0 is below that in local 1, moving the addresses in `locals` on. */
function along(locals: readonly number[], { bytes }: Lanes, body: WasmCode): WasmCode {
  const moved = locals.flatMap((local) => [...get(local), ...op.i32(bytes), ...op.i32Add, ...set(local)]);
  return op.repeatWhile(joined(body, moved, get(0), get(1), op.i32LessUnsigned));
}

/** Locals: 0 to, 1 its end, 2 from, 3 factor; 4 the factor in each lane. */
function adding(lanes: Lanes): WasmFunction {
  const { load, store, spread, add, multiply } = lanes;
  const sum = joined(get(0), get(0), load, get(4), get(2), load, multiply, add, store);
  return {
    name: 'add',
    parameters: [i32, i32, i32, f64],
    result: null,
    locals: [lanes.type],
    body: [get(3), spread, set(4), along([0, 2], lanes, sum)],
  };
}

/**
 * Locals: 0 value, 1 its end, 2 and 3 moments, 4 gradient, 5 rate, 6 and 7 the betas, 8 and 9 what they leave of 1, 10
 * epsilon; 11 to 16 the six numbers in each lane, 17 gradient, 18 and 19 new moments.
 */
function moving(lanes: Lanes): WasmFunction {
  const { load, store, spread, add, subtract, multiply, divide, root } = lanes;
  const [rate, beta1, beta2] = [get(11), get(12), get(13)];
  const [rest1, rest2, epsilon] = [get(14), get(15), get(16)];
  const gradient = get(17);
  const decayed = (local: number, beta: WasmCode): WasmCode => joined(get(local), load, beta, multiply);
  return {
    name: 'move',
    parameters: [i32, i32, i32, i32, i32, f64, f64, f64, f64, f64, f64],
    result: null,
    locals: Array.from({ length: 9 }, () => lanes.type),
    body: [
      ...[5, 6, 7, 8, 9, 10].map((local) => joined(get(local), spread, set(local + 6))),
      along(
        [0, 2, 3, 4],
        lanes,
        joined(
          joined(get(4), load, set(17)),
          joined(get(2), decayed(2, beta1), rest1, gradient, multiply, add, tee(18), store),
          joined(get(3), decayed(3, beta2), rest2, gradient, multiply, gradient, multiply, add),
          joined(tee(19), store),
          joined(get(0), get(0), load, rate, get(18), multiply),
          joined(get(19), root, epsilon, add, divide, subtract, store),
        ),
      ),
    ],
  };
}

interface Exports {
  add(to: number, end: number, from: number, factor: number): void;
  move(
    value: number,
    end: number,
    firstMoment: number,
    secondMoment: number,
    gradient: number,
    rate: number,
    beta1: number,
    beta2: number,
    rest1: number,
    rest2: number,
    epsilon: number,
  ): void;
}

/** What 32-bit addresses reach. */
const BYTES_MAX = 2 ** 32;
const compiled = new Map<Lanes, object>();

/** A kernel over a zeroed memory of at least so many bytes, for rows of `width` floats. */
export function rowKernel({ bytes, width }: { readonly bytes: number; readonly width: number }): RowKernel {
  assert(bytes <= BYTES_MAX, `a table with its moments takes ${bytes} bytes; four gibibytes is the most`);
  const lanes = width % 2 === 0 ? PAIRS : SINGLES;
  const made = compiled.get(lanes) ?? compileWasm(writeWasm([adding(lanes), moving(lanes)]));
  compiled.set(lanes, made);
  const running = runWasm(made, bytes);
  const exports = running.exports as Exports;
  const row = width * Float32Array.BYTES_PER_ELEMENT;
  const { beta1, beta2, epsilon } = ADAM;
  return {
    memory: running.memory.buffer,
    add: ({ to, from }, factor) => exports.add(to, to + row, from, factor),
    move: ({ value, firstMoment, secondMoment, gradient }, rate) =>
      exports.move(
        value,
        value + row,
        firstMoment,
        secondMoment,
        gradient,
        rate,
        beta1,
        beta2,
        1 - beta1,
        1 - beta2,
        epsilon,
      ),
  };
}
