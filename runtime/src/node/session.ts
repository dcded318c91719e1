/**
 * Owns how onnxruntime sessions are made here: one thread, settings by measurement, errors with a code. One place, so that every
 * program of the project runs models the same way.
 */
import { NanofleetError } from '@nanofleet/protocol';
import type { InferenceSession as Session, Tensor } from 'onnxruntime-node';
import { type Engine, InferenceSession, loadEngine } from './engine.ts';

/**
 * One thread: a nano model is too small to share, and a pool per session spins (two threads were slower on two cores). No arena and no
 * memory pattern: inputs vary in length and an arena keeps its largest for ever, while either costs nothing measurable (a text 37.0 µs
 * without against 35.3 with, a window 31.7 against 30.2; medians of interleaved runs). Weights stay prepacked: a window takes 41 µs else.
 */
const OPTIONS: Session.SessionOptions = {
  graphOptimizationLevel: 'all',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableCpuMemArena: false,
  enableMemPattern: false,
  logSeverityLevel: 3,
};

/** By the kind of the engine: `cpu` would be whichever was loaded first. */
const PROVIDERS = { native: ['cpu'], wasm: ['wasm'] } as const;

/** Opens a graph; @throws NanofleetError `MODEL_LOAD_FAILED`. Release the session when it is replaced: it is never collected. */
export async function openSession(graph: Uint8Array, name: string, engine = loadEngine()): Promise<Session> {
  try {
    return await InferenceSession.create(graph, { ...OPTIONS, executionProviders: PROVIDERS[engine.kind] });
  } catch (cause) {
    throw new NanofleetError(
      'MODEL_LOAD_FAILED',
      `ONNX Runtime refused the graph of ${name}: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message.slice(0, 300) : String(cause);

type Tensors = Readonly<Record<string, Tensor>>;

/** Runs a graph once; its outputs are in the float32 tensors of `into` then, which must not be among the inputs. */
export async function runInto(
  session: Session,
  { engine, feeds, into }: { readonly engine: Engine; readonly feeds: Tensors; readonly into: Tensors },
): Promise<void> {
  if (engine.kind === 'native') {
    await session.run(feeds, into);
    return;
  }
  // WebAssembly gives tensors that it was told to write into back as they were, without an error.
  const outputs = await session.run(feeds, Object.keys(into));
  for (const [name, { data }] of Object.entries(into))
    (data as Float32Array).set(outputs[name]?.data as Float32Array);
}
