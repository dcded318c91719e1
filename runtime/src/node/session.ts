/**
 * Owns how onnxruntime sessions are made here: one thread, settings by measurement, errors with a code. One place, so that every
 * program of the project runs models the same way.
 */
import { NanofleetError } from '@nanofleet/protocol';
import { InferenceSession } from 'onnxruntime-node';

/**
 * One thread: a nano model is too small to share, and a pool per session spins (two threads were slower on two cores). No arena and no
 * memory pattern: inputs vary in length and an arena keeps its largest for ever, while either costs nothing measurable (a text 37.0 µs
 * without against 35.3 with, a window 31.7 against 30.2; medians of interleaved runs). Weights stay prepacked: a window takes 41 µs else.
 */
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  graphOptimizationLevel: 'all',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableCpuMemArena: false,
  enableMemPattern: false,
  logSeverityLevel: 3,
};

/** Opens a graph; @throws NanofleetError `MODEL_LOAD_FAILED`. Release the session when it is replaced: it is never collected. */
export async function openSession(graph: Uint8Array, name: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(graph, OPTIONS);
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
