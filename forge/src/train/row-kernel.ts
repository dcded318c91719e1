// Owns arithmetic on float32 rows in WebAssembly SIMD: a row added to another one, and a row moved by Adam. It computes in
// float64 and rounds what it stores, as JavaScript does: the bits are those of plain loops, in a third of their time (half where the table leaves the cache).
// It never knows what a row stands for.
import assert from 'node:assert/strict';

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

type Code = readonly number[];

/** How many floats an instruction takes, as bytes of the specification (WebAssembly core 2.0, chapter 5.4). */
interface Lanes {
  readonly bytes: number;
  readonly type: number;
  /** From the address on the stack, widened to float64. */
  readonly load: Code;
  readonly store: Code;
  readonly spread: Code;
  readonly add: Code;
  readonly subtract: Code;
  readonly multiply: Code;
  readonly divide: Code;
  readonly root: Code;
}

const PAIRS: Lanes = {
  bytes: 8,
  type: 0x7b,
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
  type: 0x7c,
  load: [0x2a, 0, 0, 0xbb],
  store: [0xb6, 0x38, 0, 0],
  spread: [],
  add: [0xa0],
  subtract: [0xa1],
  multiply: [0xa2],
  divide: [0xa3],
  root: [0x9f],
};

const I32 = 0x7f;
const F64 = 0x7c;

const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const tee = (local: number): Code => [0x22, local];
const joined = (...codes: readonly Code[]): Code => codes.flat();

interface Kernel {
  readonly parameters: Code;
  /** Locals of the type of the lanes, after the parameters. */
  readonly locals: number;
  readonly body: Code;
}

/** Repeats while the address in local 0 is below that in local 1, moving the addresses in `locals` on. */
function along(locals: readonly number[], { bytes }: Lanes, body: Code): Code {
  const moved = locals.flatMap((local) => [...get(local), 0x41, bytes, 0x6a, ...set(local)]);
  return [0x03, 0x40, ...body, ...moved, ...get(0), ...get(1), 0x49, 0x0d, 0, 0x0b];
}

/** Locals: 0 to, 1 its end, 2 from, 3 factor; 4 the factor in each lane. */
function adding(lanes: Lanes): Kernel {
  const { load, store, spread, add, multiply } = lanes;
  const sum = joined(get(0), get(0), load, get(4), get(2), load, multiply, add, store);
  return {
    parameters: [I32, I32, I32, F64],
    locals: 1,
    body: joined(get(3), spread, set(4), along([0, 2], lanes, sum)),
  };
}

/**
 * Locals: 0 value, 1 its end, 2 and 3 moments, 4 gradient, 5 rate, 6 and 7 the betas, 8 and 9 what they leave of 1, 10
 * epsilon; 11 to 16 the six numbers in each lane, 17 gradient, 18 and 19 new moments.
 */
function moving(lanes: Lanes): Kernel {
  const { load, store, spread, add, subtract, multiply, divide, root } = lanes;
  const [rate, beta1, beta2] = [get(11), get(12), get(13)];
  const [rest1, rest2, epsilon] = [get(14), get(15), get(16)];
  const gradient = get(17);
  const decayed = (local: number, beta: Code): Code => joined(get(local), load, beta, multiply);
  return {
    parameters: [I32, I32, I32, I32, I32, F64, F64, F64, F64, F64, F64],
    locals: 9,
    body: joined(
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
    ),
  };
}

/** Unsigned LEB128 of a length. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >> 7)];
}

const sized = (content: Code): Code => [...unsigned(content.length), ...content];
const listed = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const named = (name: string): Code => sized([...Buffer.from(name)]);

/** A module that imports the memory `host.memory` and exports `add` and `move`. */
function moduleOf(lanes: Lanes): Uint8Array<ArrayBuffer> {
  const functions = { add: adding(lanes), move: moving(lanes) };
  const all = Object.values(functions);
  const section = (id: number, content: Code): Code => [id, ...sized(content)];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, listed(all.map(({ parameters }) => [0x60, ...sized(parameters), 0]))),
    ...section(2, listed([joined(named('host'), named('memory'), [2, 0, 0])])),
    ...section(3, listed(all.map((_, at) => [at]))),
    ...section(7, listed(Object.keys(functions).map((name, at) => [...named(name), 0, at]))),
    ...section(10, listed(all.map(({ locals, body }) => sized([1, locals, lanes.type, ...body, 0x0b])))),
  ]);
}

/** The part of the platform's WebAssembly that is used; neither ES2023 nor Node's types declare it. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

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

const PAGE_BYTES = 65_536;
const PAGES_MAX = 65_536;
/** Compiled once: engines begin with quick code and make better code while it runs, which a new module would lose. */
const compiled = new Map<Lanes, object>();

/** A kernel over a zeroed memory of at least so many bytes, for rows of `width` floats. */
export function rowKernel({ bytes, width }: { readonly bytes: number; readonly width: number }): RowKernel {
  const pages = Math.max(1, Math.ceil(bytes / PAGE_BYTES));
  assert(pages <= PAGES_MAX, `a table with its moments takes ${bytes} bytes; four gibibytes is the most`);
  const memory = new WebAssembly.Memory({ initial: pages });
  const lanes = width % 2 === 0 ? PAIRS : SINGLES;
  const made = compiled.get(lanes) ?? new WebAssembly.Module(moduleOf(lanes));
  compiled.set(lanes, made);
  const exports = new WebAssembly.Instance(made, { host: { memory } }).exports as Exports;
  const row = width * Float32Array.BYTES_PER_ELEMENT;
  const { beta1, beta2, epsilon } = ADAM;
  return {
    memory: memory.buffer,
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
