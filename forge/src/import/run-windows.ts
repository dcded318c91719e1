// Owns running an imported graph over windows, one by one as a device does, and refusing one whose answers are no logits.
import { NanofleetError } from '@nanofleet/protocol';
import { openSession } from '@nanofleet/runtime/node';
import { Tensor } from 'onnxruntime-node';
import { medianMicroseconds } from '../bundle/session-cost.ts';

/** What is run. `nowMs` is a monotonic clock with fractions. */
export interface ImportedRun {
  readonly graph: Uint8Array;
  readonly name: string;
  readonly shape: readonly [1, number, number];
  readonly labels: number;
  readonly nowMs: () => number;
}

/** Logits of each window and the median time of a run. @throws NanofleetError MODEL_LOAD_FAILED or GRAPH_UNSUPPORTED */
export async function runImported(
  { graph, name, shape, labels, nowMs }: ImportedRun,
  windows: readonly Float32Array[],
): Promise<{ logits: Float32Array[]; microseconds: number }> {
  const session = await openSession(graph, name);
  try {
    const [logits, took]: [Float32Array[], number[]] = [[], []];
    for (const values of windows) {
      const window = new Tensor('float32', values, shape);
      const start = nowMs();
      const outputs = await session.run({ window }).catch((cause: unknown) => {
        throw refused(`it does not run: ${cause instanceof Error ? cause.message.slice(0, 300) : ''}`, cause);
      });
      took.push(nowMs() - start);
      logits.push(checked(outputs['logits']?.data, labels));
    }
    return { logits, microseconds: medianMicroseconds(took) };
  } finally {
    await session.release();
  }
}

function checked(values: unknown, labels: number): Float32Array {
  if (!(values instanceof Float32Array) || values.length !== labels)
    throw refused(`it does not give ${labels} values, one for each label`);
  if (values.every(Number.isFinite)) return values.slice();
  throw refused('it gives values that are not finite numbers for a row of the validation file');
}

const refused = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The model was refused: ${why}.`, { cause });
