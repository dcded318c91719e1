// Behaviour of the int8 graph: close to float32, and fused into the kernels that make it fast.

import { logitGap } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { SeededRandom } from '../seeded-random.ts';
import { activationScales, sensorGraph } from '../sensor/inference-graph.ts';
import { initialParameters } from '../sensor/network.ts';
import { runFloat } from '../sensor/train.ts';
import { runWindows } from '../sensor/window-session.ts';
import { drawWindows, SHAPE } from './windows.ts';

const windows = drawWindows({ seed: 5, first: 0, machines: 1 }).filter((_, at) => at % 8 === 0);
const trained = { shape: SHAPE, parameters: initialParameters(SHAPE, new SeededRandom(5, 'initial')) };
const graph = async () => sensorGraph(trained, await activationScales(trained, windows));

describe('the int8 graph', () => {
  it('gives nearly the logits of the float32 network', async () => {
    const float = await runFloat(trained.parameters, { shape: SHAPE, windows, output: 'logits' });
    const { bytes } = await graph();
    const coded = await runWindows(
      { graph: bytes, shape: SHAPE },
      windows.map((window) => window.values),
    );
    const size = Math.max(...float.flatMap((row) => Array.from(row, Math.abs)));
    coded.forEach(({ logits }, at) => expect(logitGap(logits, float[at] ?? [])).toBeLessThan(0.1 * size));
  });

  it('is fused: three integer convolutions and one integer product, no convolution in float32', async () => {
    const operators = await optimizedOperators((await graph()).bytes);
    expect(operators.filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(operators.filter((name) => name === 'DynamicQuantizeMatMul')).toHaveLength(1);
    expect(
      operators.filter((name) => ['Conv', 'FusedConv', 'MatMul', 'Gemm', 'ConvInteger'].includes(name)),
    ).toEqual([]);
  });

  it('names the grid of each weight as the manifest does', async () => {
    const { quantization } = await graph();
    expect(quantization.map(({ tensor, axis }) => [tensor, axis])).toEqual([
      ['conv1.weight.int8', 0],
      ['conv2.weight.int8', 0],
      ['conv3.weight.int8', 0],
      ['head.weight.int8', 1],
    ]);
  });
});
