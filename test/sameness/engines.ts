// The two engines that run a graph, each as the product opens it: ONNX Runtime's native library and its WebAssembly build.
import { type Engine, loadEngine, openSession } from '@nanofleet/runtime/node';
import type { OpenGraph } from './answers.ts';

/** By its name. */
export const ENGINES = { native: opener('native'), wasm: opener('wasm') } satisfies Record<string, OpenGraph>;

/** Name of an engine. */
export type EngineName = Engine['kind'];

function opener(kind: EngineName): OpenGraph {
  return async (graph) => {
    const session = await openSession(graph, 'a graph to compare', loadEngine(kind));
    return {
      run: async (feeds, names) => {
        const outputs = await session.run(feeds, names);
        return names.map((name) => Float32Array.from(outputs[name]?.data as Float32Array));
      },
      release: () => session.release(),
    };
  };
}
