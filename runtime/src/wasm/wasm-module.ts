/** Owns running modules over a memory of their own. It never knows what a kernel computes. */

/** Bytes of a page, the unit that memories are counted in. */
const PAGE_BYTES = 65_536;

/** The part of the platform's WebAssembly that is used; neither ES2023 nor Node's types declare it. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** A module beside its zeroed memory, whose buffer is replaced when it grows. */
export interface RunningWasm {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly exports: unknown;
}

/** Compiles a module. Keep it: engines begin with quick code and make better code while it runs, which a new one would lose. */
export const compileWasm = (bytes: Uint8Array<ArrayBuffer>): object => new WebAssembly.Module(bytes);

/** Runs a module over a new memory of at least so many bytes. */
export function runWasm(compiled: object, bytes: number): RunningWasm {
  const memory = new WebAssembly.Memory({ initial: Math.max(1, Math.ceil(bytes / PAGE_BYTES)) });
  return { memory, exports: new WebAssembly.Instance(compiled, { host: { memory } }).exports };
}
