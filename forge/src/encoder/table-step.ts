// Owns one training step of a network that reads sums of table rows: the sums, the step of the graph, and the rows moved by
// the gradient that comes back. It never knows which network.
import { Tensor } from 'onnxruntime-node';
import { gradientName } from '../autodiff/optimizer.ts';
import type { StepInput, TrainingSession } from '../train/training-session.ts';
import type { WordTable } from './word-table.ts';

/** What learns: the parameters of a graph, and the table whose sums it reads as `input`. */
export interface TableLearner {
  readonly session: TrainingSession;
  readonly table: WordTable;
  readonly input: string;
}

/** A batch: the rows of each vector that the graph reads, and everything else that it is fed with. */
export interface TableBatch extends Pick<StepInput, 'feeds' | 'graph'> {
  readonly rows: readonly Int32Array[];
}

/** One step; resolves to the loss of the batch before the step. Steps must not overlap. */
export async function tableStep(
  { session, table, input }: TableLearner,
  { feeds, graph = 0, rows }: TableBatch,
  learningRate: number,
): Promise<number> {
  const dimensions = [rows.length, table.width];
  const sums = new Tensor('float32', table.vectors(rows), dimensions);
  const gradient = new Tensor('float32', new Float32Array(rows.length * table.width), dimensions);
  const loss = await session.step({
    feeds: { ...feeds, [input]: sums },
    fetches: { [gradientName(input)]: gradient },
    learningRate,
    graph,
  });
  table.learn(rows, gradient.data, learningRate);
  return loss;
}
