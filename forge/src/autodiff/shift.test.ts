// Behaviour of shifted sequences: which row comes where, for texts shorter than the shift, too, and their gradients.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { SINGLE_THREAD } from '../train/training-session.ts';
import { mul } from './elementwise.ts';
import { gradientErrors } from './gradient-check.ts';
import { Graph } from './graph.ts';
import { reduceSum } from './reductions.ts';
import { shift } from './shift.ts';

async function shifted(rows: readonly number[], by: number): Promise<number[]> {
  const graph = new Graph();
  const out = shift(graph.input('rows', 'float32', ['T', 1]), by);
  const session = await InferenceSession.create(graph.build('shift', { out }), SINGLE_THREAD);
  const output = await session.run({
    rows: new Tensor('float32', Float32Array.from(rows), [rows.length, 1]),
  });
  await session.release();
  return Array.from(output['out']?.data as Float32Array);
}

describe('shift', () => {
  it.each([
    [1, [2, 3, 0]],
    [-1, [0, 1, 2]],
    [-2, [0, 0, 1]],
    [4, [0, 0, 0]],
    [-4, [0, 0, 0]],
    [0, [1, 2, 3]],
  ])('by %i of 1, 2, 3 gives %j', async (by, expected) => {
    expect(await shifted([1, 2, 3], by)).toEqual(expected);
  });

  it('has the gradient that finite differences give', async () => {
    const graph = new Graph();
    const value = graph.parameter('value', ['N', 4]);
    const loss = reduceSum(mul(mul(shift(value, 2), shift(value, -1)), value));
    for (const error of await gradientErrors({ loss, parameters: [value], sizes: { N: 6 } }))
      expect(error).toBeLessThan(5e-3);
  });
});
