// Behaviour of the int8 graph: close to float32, and fused into the kernels that make it fast.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fieldsOf, logitGap } from '@nanofleet/runtime';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { SINGLE_THREAD } from '../train/training-session.ts';
import { activationScales, vibrationGraph } from './inference-graph.ts';
import { runInt8 } from './judge.ts';
import { initialParameters } from './network.ts';
import { runFloat } from './train.ts';
import { drawWindows } from './windows.ts';

const windows = drawWindows({ seed: 5, first: 0, machines: 1 }).filter((_, at) => at % 8 === 0);
const parameters = initialParameters(new SeededRandom(5, 'initial'));
const graph = async () => vibrationGraph(parameters, await activationScales(parameters, windows));

/** Operators of an optimized model, by the field numbers of onnx.proto3: model 7 graph, graph 1 node, node 4 operator. */
function operatorsOf(model: Uint8Array): string[] {
  const inside = (bytes: Uint8Array, number: number): Uint8Array[] =>
    [...fieldsOf(bytes)].filter((field) => field.number === number).map((field) => field.bytes);
  const nodes = inside(model, 7).flatMap((found) => inside(found, 1));
  return nodes.flatMap((node) => inside(node, 4)).map((name) => new TextDecoder().decode(name));
}

describe('the int8 graph', () => {
  it('gives nearly the logits of the float32 network', async () => {
    const float = await runFloat(parameters, windows, 'logits');
    const { bytes } = await graph();
    const coded = await runInt8(
      bytes,
      windows.map((window) => window.values),
    );
    const size = Math.max(...float.flatMap((row) => Array.from(row, Math.abs)));
    coded.forEach(({ logits }, at) => expect(logitGap(logits, float[at] ?? [])).toBeLessThan(0.1 * size));
  });

  it('is fused: three integer convolutions and one integer product, no convolution in float32', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nanofleet-fusion-'));
    const optimized = join(directory, 'optimized.onnx');
    const { bytes } = await graph();
    const session = await InferenceSession.create(bytes, {
      ...SINGLE_THREAD,
      optimizedModelFilePath: optimized,
    });
    await session.release();
    const operators = operatorsOf(await readFile(optimized));
    expect(operators.filter((name) => name === 'QLinearConv')).toHaveLength(3);
    expect(operators.filter((name) => name === 'DynamicQuantizeMatMul')).toHaveLength(1);
    expect(
      operators.filter((name) => ['Conv', 'FusedConv', 'MatMul', 'Gemm', 'ConvInteger'].includes(name)),
    ).toEqual([]);
    await rm(directory, { recursive: true });
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
