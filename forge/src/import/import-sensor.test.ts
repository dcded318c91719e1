// Behaviour of `forge import`: the worked example of docs/forge/import.md, what a device makes of the bundle, what is refused.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fieldsOf } from '@nanofleet/runtime';
import { inspectBundle, loadSensorRunner } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel, type ModelSpec } from '../onnx/model.ts';
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { ProtobufWriter } from '../onnx/protobuf.ts';
import { tensorSpec } from '../onnx/tensor.ts';
import { callForge } from '../testing/call-forge.ts';
import { pumpClassifier as features, writePumpClassifier } from '../testing/foreign-models.ts';

let directory: string;
const at = (name: string): string => join(directory, name);

/** One channel of four samples: a convolution, the mean over time, two labels by its sign. */
const windows: ModelSpec = {
  name: 'windows',
  opset: 13,
  nodes: [
    { operator: 'Conv', inputs: ['x', 'kernel'], outputs: ['steps'], attributes: {} },
    { operator: 'GlobalAveragePool', inputs: ['steps'], outputs: ['mean'], attributes: {} },
    { operator: 'Flatten', inputs: ['mean'], outputs: ['flat'], attributes: {} },
    { operator: 'MatMul', inputs: ['flat', 'weight'], outputs: ['answer'], attributes: {} },
  ],
  constants: [
    tensorSpec('kernel', Float32Array.of(-1, 1), [1, 1, 2]),
    tensorSpec('weight', Float32Array.of(-3, 3), [1, 2]),
  ],
  inputs: [{ name: 'x', type: 'float32', dimensions: [1, 1, 4] }],
  outputs: [{ name: 'answer', type: 'float32', dimensions: [1, 2] }],
  metadata: {},
};

const rising = Array.from({ length: 20 }, (_, row) =>
  row % 2 === 0 ? `0,1,2,${3 + row},up` : `3,2,1,${-row},down`,
);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-import-'));
  await writePumpClassifier(directory);
  await writeFile(at('labels.txt'), 'fine\nworn\n');
  await writeFile(at('windows.onnx'), encodeModel(windows));
  await writeFile(at('windows.csv'), ['a,b,c,d,label', ...rising].join('\n'));
});
afterAll(() => rm(directory, { recursive: true }));

const imported = (model: string, validation: string, ...more: string[]) =>
  callForge(
    'import',
    at(model),
    ...['--validation', at(validation), '--line', 'pump', '--license', 'MIT', '--out', at('out')],
    ...more,
  );

describe('forge import', () => {
  it('does what the worked example says, and a device reads the bundle', async () => {
    const page = await readFile(join(import.meta.dirname, '../../../docs/forge/import.md'), 'utf8');
    const [, command = ''] = /^forge (import .*)$/m.exec(page) ?? [];
    const files = /^(pump\.onnx|pump\.csv|labels\.txt|pump-bundle)$/;
    const call = await callForge(...command.split(' ').map((word) => (files.test(word) ? at(word) : word)));
    expect(call).toMatchObject({ code: 0, notes: '' });
    expect(call.out).toContain('int8            100.00 %');
    const bundle = await inspectBundle(at('pump-bundle'));
    expect(bundle.manifest).toMatchObject({
      license: 'Apache-2.0',
      labels: { names: ['fine', 'worn'] },
      trainable: [],
      quality: [{ accuracy: 1 }],
    });
    const runner = await loadSensorRunner(bundle);
    expect((await runner.score(Float32Array.of(2, -1))).label).toBe('worn');
    expect((await runner.score(Float32Array.of(-2, 1))).label).toBe('fine');
    await runner.release();
    const graph = bundle.files.get('infer.int8') ?? new Uint8Array();
    expect((await optimizedOperators(graph)).filter((name) => name === 'DynamicQuantizeMatMul')).toHaveLength(
      2,
    );
    expect(await readFile(at('pump-bundle/CARD.md'), 'utf8')).toContain('does not learn on the device');
  });

  it('takes windows with a convolution, labels sorted from the data', async () => {
    const call = await imported('windows.onnx', 'windows.csv', '--channels', 'x', '--out', at('windows'));
    expect(call).toMatchObject({ code: 0, notes: '' });
    const runner = await loadSensorRunner(await inspectBundle(at('windows')));
    expect((await runner.score(Float32Array.of(0, 1, 2, 9))).label).toBe('up');
    await runner.release();
  });

  it('reads weights that lie in float_data', async () => {
    const plain = encodeModel({ ...features, constants: features.constants.slice(1) });
    const weight = new ProtobufWriter().integer(1, 3).integer(1, 2).integer(2, 1).text(8, 'first');
    for (const value of [1, -1, -1, 1, 0.5, 0.5]) weight.float(4, value);
    await writeFile(at('typed.onnx'), withInGraph(plain, new ProtobufWriter().message(5, weight).finish()));
    const call = await imported('typed.onnx', 'pump.csv', '--out', at('typed'));
    expect(call).toMatchObject({ code: 0, notes: '' });
  });

  it.each<[string, Partial<ModelSpec>, string]>([
    ['another operator', { nodes: [{ ...nodeOf('Loop'), outputs: ['shares'] }] }, 'it holds Loop'],
    ['an old opset', { opset: 9 }, 'opset 9'],
    ['sizes that vary', { inputs: [{ name: 'x', type: 'float32', dimensions: ['n', 'm'] }] }, 'fixed sizes'],
    ['two inputs', { inputs: [...features.inputs, ...windows.inputs] }, '2 inputs'],
    [
      'another count of labels',
      { outputs: [{ name: 'shares', type: 'float32', dimensions: ['batch', 3] }] },
      'there are 2 labels',
    ],
    [
      'numbers that are not finite',
      {
        constants: [
          ...features.constants.slice(0, 2),
          tensorSpec('second', new Float32Array(6).fill(Number.NaN), [3, 2]),
        ],
      },
      'not finite',
    ],
  ])('refuses %s before it writes anything', async (_, change, why) => {
    await writeFile(at('wrong.onnx'), encodeModel({ ...features, ...change }));
    const call = await imported('wrong.onnx', 'pump.csv');
    expect(call.code).toBe(1);
    expect(call.notes).toMatch(/^GRAPH_UNSUPPORTED: /);
    expect(call.notes).toContain(why);
    expect(existsSync(at('out'))).toBe(false);
  });

  it('refuses what is no model, weights in another file, and columns that do not fit', async () => {
    expect((await imported('pump.csv', 'pump.csv')).notes).toContain('GRAPH_UNSUPPORTED');
    const elsewhere = new ProtobufWriter().integer(1, 1).integer(2, 1).text(8, 'far').integer(14, 1);
    const graph = withInGraph(encodeModel(features), new ProtobufWriter().message(5, elsewhere).finish());
    await writeFile(at('far.onnx'), graph);
    expect((await imported('far.onnx', 'pump.csv')).notes).toContain('far lies in another file');
    expect((await imported('windows.onnx', 'pump.csv', '--channels', 'x')).notes).toContain('2 columns');
    expect((await imported('windows.onnx', 'windows.csv')).notes).toContain('--channels names 0');
    expect(existsSync(at('out'))).toBe(false);
  });
});

function nodeOf(operator: string) {
  return { operator, inputs: ['x'], outputs: ['y'], attributes: {} };
}

/** The model with a field more in its graph. The graph is the third field of what our writer makes. */
function withInGraph(model: Uint8Array, field: Uint8Array): Uint8Array {
  const writer = new ProtobufWriter().integer(1, 10);
  for (const { number, bytes } of fieldsOf(model))
    if (number === 7) writer.bytes(7, Buffer.concat([bytes, field]));
    else if (number === 8) writer.bytes(8, bytes);
  return writer.finish();
}
