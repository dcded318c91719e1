import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { mul, sub } from '../autodiff/elementwise.ts';
import { Graph } from '../autodiff/graph.ts';
import { batchMean } from '../autodiff/losses.ts';
import { matMul } from '../autodiff/matrix.ts';
import { adamStep, correctedRate } from '../autodiff/optimizer.ts';
import { RowTable } from './row-table.ts';
import { freshState, TrainingSession } from './training-session.ts';

// Two rows of a table of four, mixed by a bag matrix and a weight, are fitted to a target.
function bagGraph(): Uint8Array {
  const graph = new Graph();
  const rows = graph.parameter('rows', ['M', 2]);
  const weight = graph.parameter('w', [2, 1]);
  const output = matMul(matMul(graph.input('bag', 'float32', ['N', 'M']), rows), weight);
  const error = sub(output, graph.input('target', 'float32', ['N', 1]));
  return graph.build('bag', adamStep(batchMean(mul(error, error)), [rows, weight], { undecayed: [rows] }));
}

const FEEDS = {
  bag: new Tensor('float32', Float32Array.of(1, 0, 1, 1), [2, 2]),
  target: new Tensor('float32', Float32Array.of(1, -1), [2, 1]),
};

async function train(steps: number): Promise<{ losses: number[]; table: RowTable; weight: Float32Array }> {
  const table = new RowTable(2, Float32Array.of(9, 9, 0.1, 0.2, 8, 8, 0.3, -0.1));
  const state = new Map([['w', freshState({ shape: [2, 1], elements: Float32Array.of(0.5, -0.5) })]]);
  const session = await TrainingSession.open(bagGraph(), state);
  const losses: number[] = [];
  for (let step = 1; step <= steps; step += 1) {
    const rows = { name: 'rows', table, used: Int32Array.of(3, 1) };
    losses.push(await session.step({ feeds: FEEDS, learningRate: correctedRate(0.05, step), rows }));
  }
  const weight = session.state().get('w')?.value ?? new Float32Array();
  await session.release();
  return { losses, table, weight };
}

describe('TrainingSession', () => {
  it('fits parameters and the rows in use, and leaves other rows alone', async () => {
    const { losses, table } = await train(80);
    expect(losses[0]).toBeGreaterThan(0.9);
    expect(losses.at(-1)).toBeLessThan(0.01);
    expect([...table.value.subarray(0, 2), ...table.value.subarray(4, 6)]).toEqual([9, 9, 8, 8]);
  });

  it('takes the same steps twice, bit by bit', async () => {
    const [first, second] = [await train(20), await train(20)];
    expect(first.losses).toEqual(second.losses);
    expect(first.weight).toEqual(second.weight);
    expect(first.table.value).toEqual(second.table.value);
  });
});
