// Behaviour of networks over windows with separable convolutions: int8 is close to float32, and every convolution is fused.

import { logitGap } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { SeededRandom } from '../seeded-random.ts';
import { activationScales, sensorGraph } from './inference-graph.ts';
import { convolutionsOf, initialParameters, type SensorShape } from './network.ts';
import { runFloat } from './train.ts';
import { runWindows } from './window-session.ts';

const shape: SensorShape = {
  channels: 2,
  windowSamples: 20,
  units: [1, 2],
  removesMean: false,
  convolutions: convolutionsOf(2, [
    { outputs: 6, taps: 5, stride: 1 },
    { outputs: 8, taps: 3, stride: 2, separable: true },
  ]),
  classes: 3,
};
const random = new SeededRandom(3, 'windows');
const windows = Array.from({ length: 20 }, () => ({
  values: Float32Array.from({ length: 40 }, () => random.normal()),
  label: null,
}));
const trained = { shape, parameters: initialParameters(shape, new SeededRandom(3, 'initial')) };
const graph = async () => sensorGraph(trained, await activationScales(trained, windows));

describe('a network with separable convolutions', () => {
  it('gives nearly the same logits in int8', async () => {
    const { bytes } = await graph();
    const float = await runFloat(trained.parameters, { shape, windows, output: 'logits' });
    const coded = await runWindows(
      { graph: bytes, shape },
      windows.map(({ values }) => values),
    );
    const size = Math.max(...float.flatMap((row) => Array.from(row, Math.abs)));
    coded.forEach(({ logits }, at) => expect(logitGap(logits, float[at] ?? [])).toBeLessThan(0.15 * size));
  });

  it('runs every convolution in integers', async () => {
    const operators = await optimizedOperators((await graph()).bytes);
    expect(operators.filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(operators.filter((name) => ['Conv', 'FusedConv', 'MatMul', 'Gemm'].includes(name))).toEqual([]);
  });
});
