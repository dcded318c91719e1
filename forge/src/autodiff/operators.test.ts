// Every operator's gradient against finite differences on the runtime that devices use.
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import {
  add,
  div,
  dropout,
  exp,
  gelu,
  log,
  mul,
  relu,
  scale,
  sigmoid,
  sqrt,
  sub,
  tanh,
} from './elementwise.ts';
import { type GradientCheck, gradientErrors, normalNumbers } from './gradient-check.ts';
import { Graph, type Value } from './graph.ts';
import { crossEntropy, distillation, oneHot } from './losses.ts';
import { conv1d, depthwiseConv1d, linear, matMul } from './matrix.ts';
import { layerNorm } from './normalization.ts';
import { logSoftmax, maxPool, meanPool, reduceMax, reduceMean, reduceSum, softmax } from './reductions.ts';
import { concat, gather, pad, reshape, slice, transpose } from './shaping.ts';

const WORST = 5e-3;

type Build = (parameter: (name: string, shape: readonly (number | string)[]) => Value, graph: Graph) => Value;

// A curved, uneven reduction, so that a wrong rule cannot hide behind symmetry.
function curved(value: Value): Value {
  const counted = value.shape.every((size) => typeof size === 'number');
  const length = value.shape.reduce<number>(
    (product, size) => product * (typeof size === 'number' ? size : 1),
    1,
  );
  const next = normalNumbers(99);
  const weights = value.graph.constant(
    Float32Array.from({ length }, next),
    value.shape.map((size) => (typeof size === 'number' ? size : 1)),
  );
  return reduceMean(mul(counted ? value : tanh(value), add(weights, scale(value, 0.3))));
}

async function errorsOf(
  build: Build,
  more: Omit<GradientCheck, 'loss' | 'parameters'> = {},
): Promise<number[]> {
  const graph = new Graph();
  const parameters: Value[] = [];
  const output = build((name, shape) => {
    const value = graph.parameter(name, shape);
    parameters.push(value);
    return value;
  }, graph);
  const loss = output.shape.length === 0 ? output : curved(output);
  return await gradientErrors({ loss, parameters, sizes: { N: 3 }, ...more });
}

const positive = (value: Value): Value => add(mul(value, value), value.graph.scalar(0.5));

const CASES: Readonly<Record<string, Build>> = {
  'add with broadcasting on both sides': (p) => add(p('a', [3, 1, 4]), p('b', [2, 1])),
  'sub with broadcasting': (p) => sub(p('a', [4]), p('b', [3, 4])),
  'mul with broadcasting over a batch of unknown size': (p) => mul(p('a', ['N', 4]), p('b', [4])),
  'div with broadcasting': (p) => div(p('a', [3, 4]), positive(p('b', [4]))),
  relu: (p) => relu(p('a', [3, 4])),
  gelu: (p) => gelu(p('a', [3, 4])),
  sigmoid: (p) => sigmoid(p('a', [3, 4])),
  tanh: (p) => tanh(p('a', [3, 4])),
  'sqrt and log': (p) => log(sqrt(positive(p('a', [3, 4])))),
  exp: (p) => exp(p('a', [3, 4])),
  'dropout by mask': (p, graph) =>
    dropout(p('a', [2, 2]), graph.constant(Float32Array.of(0, 2, 2, 0), [2, 2])),
  'batched matrix product with a broadcast left side': (p) => matMul(p('a', [2, 3]), p('b', ['N', 3, 4])),
  'matrix product': (p) => matMul(p('a', ['N', 3]), p('b', [3, 4])),
  'linear layer': (p) => linear(p('x', ['N', 3]), p('w', [3, 4]), p('b', [4])),
  softmax: (p) => softmax(p('a', ['N', 5])),
  'log softmax': (p) => logSoftmax(p('a', ['N', 5])),
  'layer normalization': (p) => layerNorm(p('x', ['N', 6]), p('gain', [6]), p('shift', [6])),
  'layer normalization of three axes': (p) => layerNorm(p('x', [2, 3, 6]), p('gain', [6]), p('shift', [6])),
  'sum over a middle axis': (p) => reduceSum(p('a', [2, 3, 4]), [1]),
  'mean over a batch of unknown size': (p) => reduceMean(p('a', ['N', 4]), [0]),
  'mean that keeps its axis': (p) => mul(p('b', [3, 4]), reduceMean(p('a', [3, 4]), [-1], { keep: true })),
  maximum: (p) => reduceMax(p('a', [3, 4]), 0),
  'mean and maximum pooling': (p) => add(meanPool(p('a', ['N', 2, 5])), maxPool(p('b', ['N', 2, 5]))),
  'reshape and transpose': (p) => transpose(reshape(p('a', ['N', 6]), ['N', 2, 3]), [2, 0, 1]),
  concat: (p) => concat([p('a', [2, 3]), p('b', [2, 1])], 1),
  'slice with a step that does not divide the axis': (p) =>
    slice(p('a', [2, 8]), { axis: 1, start: 1, end: 8, step: 3 }),
  'slice up to the end': (p) => slice(p('a', ['N', 7]), { axis: 1, start: 2, end: 7, step: 2 }),
  pad: (p) => pad(p('a', [2, 3]), { axis: 1, before: 2, after: 1 }),
  'gather with repeated rows': (p, graph) =>
    gather(p('a', [4, 3]), graph.constant(Int32Array.of(2, 0, 2), [3])),
  'convolution with stride and padding': (p) =>
    conv1d(p('x', ['N', 2, 9]), p('w', [3, 2, 4]), p('b', [3]), { stride: 2, padding: 2 }),
  'depthwise convolution': (p) =>
    depthwiseConv1d(p('x', ['N', 3, 8]), p('w', [3, 1, 5]), p('b', [3]), { stride: 2, padding: 2 }),
};

describe('gradients', () => {
  it.each(Object.keys(CASES))('of %s agree with finite differences', async (name) => {
    const build = CASES[name] as Build;
    for (const error of await errorsOf(build)) expect(error).toBeLessThan(WORST);
  });

  it('of cross-entropy with smoothed classes agree with finite differences', async () => {
    const inputs = { labels: new Tensor('int64', BigInt64Array.of(0n, 3n, 1n), [3]) };
    const build: Build = (p, graph) =>
      crossEntropy(p('z', ['N', 4]), oneHot(graph.input('labels', 'int64', ['N']), 4, { smoothing: 0.1 }));
    for (const error of await errorsOf(build, { inputs })) expect(error).toBeLessThan(WORST);
  });

  it('of the distillation loss agree with finite differences', async () => {
    const next = normalNumbers(5);
    const inputs = { teacher: new Tensor('float32', Float32Array.from({ length: 12 }, next), [3, 4]) };
    const build: Build = (p, graph) =>
      distillation(p('z', ['N', 4]), graph.input('teacher', 'float32', ['N', 4]), { temperature: 2 });
    for (const error of await errorsOf(build, { inputs })) expect(error).toBeLessThan(WORST);
  });

  it('of a whole network agree with finite differences', async () => {
    const build: Build = (p) => {
      const hidden = gelu(
        linear(layerNorm(p('x', ['N', 6]), p('gain', [6]), p('shift', [6])), p('w1', [6, 8]), p('b1', [8])),
      );
      return linear(hidden, p('w2', [8, 3]), p('b2', [3]));
    };
    const errors = await errorsOf(build);
    expect(errors).toHaveLength(7);
    for (const error of errors) expect(error).toBeLessThan(WORST);
  });

  it('fail the check when a rule is wrong', async () => {
    const wrong: Build = (p, graph) => {
      const a = p('a', [3, 4]);
      return graph.emit({
        operator: 'Tanh',
        inputs: [a],
        shape: a.shape,
        backward: [(gradient) => gradient],
      });
    };
    const [error = 0] = await errorsOf(wrong);
    expect(error).toBeGreaterThan(WORST);
  });
});
