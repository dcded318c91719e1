import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { mul, relu } from './elementwise.ts';
import { Graph, type Value } from './graph.ts';
import { crossEntropy } from './losses.ts';
import { linear } from './matrix.ts';
import { adamStep, correctedRate, descentStep, LEARNING_RATE_INPUT } from './optimizer.ts';
import { reduceSum } from './reductions.ts';

function network(trunkTrainable: boolean): { graph: Graph; loss: Value; head: Value[]; trunk: Value[] } {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['N', 4]);
  const trunk = [
    graph.parameter('trunk.w', [4, 8], { trainable: trunkTrainable }),
    graph.parameter('trunk.b', [8], { trainable: trunkTrainable }),
  ];
  const head = [graph.parameter('head.w', [8, 3]), graph.parameter('head.b', [3])];
  const hidden = relu(linear(x, trunk[0] as Value, trunk[1] as Value));
  const logits = linear(hidden, head[0] as Value, head[1] as Value);
  return { graph, loss: crossEntropy(logits, graph.input('targets', 'float32', ['N', 3])), head, trunk };
}

describe('a training graph', () => {
  it('is larger when the trunk is trained than when only the head is', () => {
    const whole = network(true);
    const headOnly = network(false);
    const bytesOfWhole = whole.graph.build('w', descentStep(whole.loss, [...whole.trunk, ...whole.head]));
    const bytesOfHead = headOnly.graph.build('h', descentStep(headOnly.loss, headOnly.head));
    expect(bytesOfHead.length).toBeLessThan(bytesOfWhole.length * 0.8);
  });

  it('refuses a gradient by a frozen parameter', () => {
    const { loss, trunk } = network(false);
    expect(() => descentStep(loss, trunk)).toThrow(/trunk.w is not trainable/);
  });

  it('takes the step that Adam defines', async () => {
    const graph = new Graph();
    const p = graph.parameter('p', [2, 1]);
    const bytes = graph.build('adam', adamStep(reduceSum(mul(p, p)), [p], { weightDecay: 0.1 }));
    const session = await InferenceSession.create(bytes);
    const tensor = (...elements: number[]): Tensor =>
      new Tensor('float32', Float32Array.from(elements), [2, 1]);
    const rate = correctedRate(0.01, 1);
    const out = await session.run({
      p: tensor(1, -2),
      'p:m': tensor(0, 0),
      'p:v': tensor(0, 0),
      [LEARNING_RATE_INPUT]: new Tensor('float32', Float32Array.of(rate), []),
    });
    await session.release();
    // At step 1 m̂ / √v̂ is the sign of the gradient.
    const stepped = [1 * (1 - rate * 0.1) - 0.01, -2 * (1 - rate * 0.1) + 0.01];
    const next = out['p:next']?.data as Float32Array;
    stepped.forEach((value, at) => expect(next[at]).toBeCloseTo(value, 5));
    expect(out['loss']?.data).toEqual(Float32Array.of(5));
    const moment = out['p:m:next']?.data as Float32Array;
    expect(Array.from(moment, (m) => Math.round(m * 1e4))).toEqual([2000, -4000]);
  });
});
