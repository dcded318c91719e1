// The two engines that run a graph: ONNX Runtime's native library with the product's settings, and its WebAssembly build.
import { openSession } from '@nanofleet/runtime/node';
import type { Tensor } from 'onnxruntime-node';
import { InferenceSession, Tensor as WasmTensor, env as wasmEnvironment } from 'onnxruntime-web/wasm';
import type { OpenGraph } from './answers.ts';

/** By its name. */
export const ENGINES = { native: openNative, wasm: openWasm } satisfies Record<string, OpenGraph>;

/** Name of an engine. */
export type EngineName = keyof typeof ENGINES;

type Outputs = Readonly<Record<string, { readonly data: unknown }>>;

const copiesOf = (outputs: Outputs, names: readonly string[]): Float32Array[] =>
  names.map((name) => Float32Array.from(outputs[name]?.data as Float32Array));

async function openNative(graph: Uint8Array): ReturnType<OpenGraph> {
  const session = await openSession(graph, 'a graph to compare');
  return {
    run: async (feeds, names) => copiesOf(await session.run(feeds, names), names),
    release: () => session.release(),
  };
}

async function openWasm(graph: Uint8Array): ReturnType<OpenGraph> {
  wasmEnvironment.wasm.numThreads = 1;
  const session = await InferenceSession.create(graph, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  return {
    run: async (feeds, names) => copiesOf(await session.run(ofWasm(feeds), names), names),
    release: () => session.release(),
  };
}

/** Its tensors are a class of its own. */
const ofWasm = (feeds: Readonly<Record<string, Tensor>>): Record<string, WasmTensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { data, dims, type }]) => [
      name,
      new WasmTensor(type, data as Float32Array, dims),
    ]),
  );
