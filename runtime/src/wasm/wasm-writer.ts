/**
 * Owns writing WebAssembly modules as bytes: sections, functions, the instructions that our kernels use (WebAssembly core
 * specification 2.0, chapter 5). A kernel is readable source here and needs no compiler at build. Never runs a module.
 */

/** Bytes of one or more instructions. */
export type WasmCode = readonly number[];

/** Value types. */
export const WASM_TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
type ValueType = (typeof WASM_TYPE)[keyof typeof WASM_TYPE];

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}

/** Signed LEB128 of a 32-bit integer. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const isDone = (rest === 0 && byte < 0x40) || (rest === -1 && byte >= 0x40);
    bytes.push(isDone ? byte : byte | 0x80);
    if (isDone) return bytes;
  }
}

const sized = (content: readonly number[]): number[] => [...unsigned(content.length), ...content];
const listed = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flatMap((item) => [...item]),
];
const named = (name: string): number[] => sized(Array.from(new TextEncoder().encode(name)));
const vector = (operation: number, ...immediate: number[]): WasmCode => [
  0xfd,
  ...unsigned(operation),
  ...immediate,
];

/** A load or store of 16 bytes at an offset that need not be aligned. */
const memory = (operation: number, offset: number): WasmCode => vector(operation, 0, ...unsigned(offset));

/** The instructions; each takes its operands from the stack, as the specification says. */
export const wasmOp = {
  get: (local: number): WasmCode => [0x20, ...unsigned(local)],
  set: (local: number): WasmCode => [0x21, ...unsigned(local)],
  tee: (local: number): WasmCode => [0x22, ...unsigned(local)],
  i32: (value: number): WasmCode => [0x41, ...signed(value)],
  i32Add: [0x6a],
  i32LessUnsigned: [0x49],
  i64FromI32Unsigned: [0xad],
  i64Add: [0x7c],
  f64FromI64Unsigned: [0xba],
  f64: (value: number): WasmCode => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  select: [0x1b],
  /** Repeats `body` while it leaves a true condition. */
  repeatWhile: (body: WasmCode): WasmCode => [0x03, 0x40, ...body, 0x0d, 0, 0x0b],
  load: (offset = 0): WasmCode => memory(0x00, offset),
  /** Eight bytes, extended to 16 bits each. */
  loadI16FromI8: (offset = 0): WasmCode => memory(0x01, offset),
  store: (offset = 0): WasmCode => memory(0x0b, offset),
  splatI8: vector(0x0f),
  splatI32: vector(0x11),
  splatF32: vector(0x13),
  laneI32: (lane: number): WasmCode => vector(0x1b, lane),
  equalI8: vector(0x23),
  anyTrue: vector(0x53),
  leastI8: vector(0x76),
  lowI32FromI16: vector(0xa7),
  highI32FromI16: vector(0xa8),
  addI32: vector(0xae),
  dotI16: vector(0xba),
  addF32: vector(0xe4),
  mulF32: vector(0xe6),
  f32FromI32: vector(0xfa),
} as const;

/** A function of a module; its parameters are locals 0 and up, its own locals follow. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly result: ValueType | null;
  readonly locals: readonly ValueType[];
  readonly body: readonly WasmCode[];
}

/** The bytes of a module that imports the memory `host.memory` and exports the functions under their names. */
export function writeWasm(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)];
  const types = functions.map(({ parameters, result }) => [
    0x60,
    ...sized(parameters),
    ...sized(result === null ? [] : [result]),
  ]);
  const memoryImport = [...named('host'), ...named('memory'), 0x02, 0x00, ...unsigned(0)];
  const exports = functions.map(({ name }, at) => [...named(name), 0x00, ...unsigned(at)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, listed(types)),
    ...section(2, listed([memoryImport])),
    ...section(3, listed(functions.map((_, at) => unsigned(at)))),
    ...section(7, listed(exports)),
    ...section(10, listed(functions.map(bodyOf))),
  ]);
}

function bodyOf({ body, locals }: WasmFunction): number[] {
  const declared = listed(locals.map((type) => [1, type]));
  return sized([...declared, ...body.flat(), 0x0b]);
}
