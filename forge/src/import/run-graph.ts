// Owns running an imported graph over rows, one by one as a device does, and refusing one whose answers are no logits.
import { NanofleetError } from '@nanofleet/protocol';
import { openSession } from '@nanofleet/runtime/node';
import type { Tensor } from 'onnxruntime-node';
import { medianMicroseconds } from '../bundle/session-cost.ts';
import { LOGITS, refused } from './foreign-graph.ts';

/** What is run. `nowMs` is a monotonic clock with fractions. */
export interface ImportedRun {
  readonly graph: Uint8Array;
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, Tensor>>[];
  readonly labels: number;
  readonly nowMs: () => number;
}

/** Logits of each row and the median time of a run. @throws NanofleetError MODEL_LOAD_FAILED or GRAPH_UNSUPPORTED */
export async function runGraph({
  graph,
  name,
  rows,
  labels,
  nowMs,
}: ImportedRun): Promise<{ logits: Float32Array[]; microseconds: number }> {
  const session = await openSession(graph, name);
  try {
    const [logits, took]: [Float32Array[], number[]] = [[], []];
    for (const feeds of rows) {
      const start = nowMs();
      const outputs = await session.run(feeds).catch((cause: unknown) => {
        const why = cause instanceof Error ? cause.message.slice(0, 300) : '';
        throw new NanofleetError('GRAPH_UNSUPPORTED', `The model was refused: it does not run: ${why}.`, {
          cause,
        });
      });
      took.push(nowMs() - start);
      logits.push(checked(outputs[LOGITS]?.data, labels));
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
