// Owns computing a tower's logits in float32 for many texts. It never judges them.
import assert from 'node:assert/strict';
import { accuracy, argMax } from '@nanofleet/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { RowTable } from '../train/row-table.ts';
import { SINGLE_THREAD } from '../train/training-session.ts';
import { BagMaker } from './bag.ts';
import { denseTensors, type Tower } from './tower.ts';
import { BAG_INPUT, ROWS_INPUT, towerEvaluationGraph } from './tower-graphs.ts';

const BATCH = 256;

/** Logits [texts, classes], row major, in the order of `texts` (feature rows). */
export async function towerLogits(tower: Tower, texts: readonly Int32Array[]): Promise<Float32Array> {
  const session = await InferenceSession.create(towerEvaluationGraph(tower.shape), SINGLE_THREAD);
  const table = new RowTable(tower.shape.width, tower.table, NO_MOMENTS);
  const parameters = Object.fromEntries(
    denseTensors(tower).map(({ name, shape, elements }) => [name, new Tensor('float32', elements, shape)]),
  );
  const bags = new BagMaker(tower.shape.features.buckets);
  const logits = new Float32Array(texts.length * tower.shape.classes);
  for (let start = 0; start < texts.length; start += BATCH) {
    const { used, bag } = bags.of(texts.slice(start, start + BATCH));
    const output = await session.run({ ...parameters, [BAG_INPUT]: bag, [ROWS_INPUT]: table.rowsOf(used) }, [
      'logits',
    ]);
    const { data } = output['logits'] as Tensor;
    assert(data instanceof Float32Array);
    logits.set(data, start * tower.shape.classes);
  }
  await session.release();
  return logits;
}

/** An evaluated table has no moments. */
const NO_MOMENTS = { first: new Float32Array(), second: new Float32Array() };

/** Share of texts whose largest logit is that of their class; `labels` holds class numbers. */
export function accuracyOf(logits: Float32Array, labels: ArrayLike<number>): number {
  const classes = logits.length / labels.length;
  const decided = Array.from(labels, (_, text) =>
    argMax(logits.subarray(text * classes, (text + 1) * classes)),
  );
  return accuracy(decided, labels);
}
