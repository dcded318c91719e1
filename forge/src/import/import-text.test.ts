// Behaviour of `forge import --tokenizer`: a transformer and its tokenizer become a bundle that a device reads; what is refused.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel, type ModelSpec } from '../onnx/model.ts';
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { callForge } from '../testing/call-forge.ts';
import { textClassifier, wordPieceTokenizer, writeTextClassifier } from '../testing/foreign-models.ts';
import type { Imported } from './import-request.ts';

let directory: string;
const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-import-'));
  await writeTextClassifier(directory);
});
afterAll(() => rm(directory, { recursive: true }));

const imported = (out: string, ...more: string[]) => {
  const line = ['--line', 'said', '--license', 'MIT', '--out', at(out)];
  const files = [
    '--tokenizer',
    at('tokenizer.json'),
    '--validation',
    at('texts.tsv'),
    '--labels',
    at('labels.txt'),
  ];
  return callForge('import', at('texts.onnx'), ...files, ...line, ...more);
};

describe('forge import --tokenizer', () => {
  it('makes a bundle in int8 that decides and explains as a device does', async () => {
    const call = await imported('bundle', '--json');
    expect(call).toMatchObject({ code: 0, notes: '' });
    const made = JSON.parse(call.out) as Imported;
    expect(made).toMatchObject({ chosen: 'int8', rows: 20, quantizedTensors: 5 });
    expect(made.forms.map(({ accuracy }) => accuracy)).toEqual([1, 1, 1]);
    const bundle = await inspectBundle(at('bundle'));
    expect(bundle.manifest).toMatchObject({
      needs: { runtimeVersion: 5 },
      text: { kind: 'tokenizer-json-1', tokensMax: 16, attentionMask: true, tokenTypes: false },
      trainable: [],
    });
    const runner = await loadTextRunner(bundle);
    expect((await runner.decide('please switch on the LAMPS')).label).toBe('light_on');
    expect((await runner.decide('xyzzy')).verdict).toBe('out-of-scope');
    const long = Array.from({ length: 100 }, () => 'music').join(' ');
    const decided = await runner.decide(long);
    expect(decided.label).toBe('music');
    const { words } = await runner.explain('play the weather', await runner.decide('play the weather'));
    expect(words.map(({ word, from, to }) => [word, from, to])).toEqual([
      ['play', 0, 4],
      ['the', 5, 8],
      ['weather', 9, 16],
    ]);
    await expect(runner.penultimate('play')).rejects.toMatchObject({ code: 'LINE_NOT_TRAINABLE' });
    await runner.release();
  });

  it('runs every dense layer in integers', async () => {
    const graph = (await inspectBundle(at('bundle'))).files.get('infer.int8') ?? new Uint8Array();
    const operators = await optimizedOperators(graph);
    const dense = ['DynamicQuantizeMatMul', 'MatMulIntegerToFloat'];
    expect(operators.filter((name) => dense.includes(name))).toHaveLength(4);
  });

  it('takes csv with quotes and lines of JSON, and rows of no label', async () => {
    const oos = ['zebra snow,oos', '"play, please",music'];
    const csv = (await readFile(at('texts.tsv'), 'utf8')).replaceAll('\t', ',');
    await writeFile(at('texts.csv'), [csv, ...oos].join('\n'));
    expect(await imported('csv', '--validation', at('texts.csv'))).toMatchObject({ code: 0, notes: '' });
    const { manifest } = await inspectBundle(at('csv'));
    expect(manifest.quality[0]?.auroc).toBeGreaterThan(0);
    await writeFile(
      at('texts.jsonl'),
      '{"text":"lamp on","label":"light_on"}\n{"text":"play jazz","label":"music"}\n',
    );
    expect(await imported('jsonl', '--validation', at('texts.jsonl'))).toMatchObject({ code: 0, notes: '' });
  });

  it.each<[string, Partial<ModelSpec>, string]>([
    [
      'another input',
      { inputs: [{ name: 'ids', type: 'int64', dimensions: ['n', 'm'] }] },
      'its inputs are ids',
    ],
    [
      'a fixed length',
      { inputs: textClassifier().inputs.map((port) => ({ ...port, dimensions: ['batch', 16] })) },
      'a sequence that varies',
    ],
    [
      'a table with fewer rows than the vocabulary',
      {
        constants: textClassifier().constants.map((constant) =>
          constant.name === 'table'
            ? { ...constant, dimensions: [8, 8], raw: constant.raw.slice(0, 8 * 8 * 4) }
            : constant,
        ),
      },
      'which the model does not take',
    ],
  ])('refuses %s before it writes anything', async (_, change, why) => {
    await writeFile(at('wrong.onnx'), encodeModel({ ...textClassifier(), ...change }));
    const wrong = await callForge(
      'import',
      at('wrong.onnx'),
      ...['--tokenizer', at('tokenizer.json'), '--validation', at('texts.tsv')],
      ...['--line', 'said', '--license', 'MIT', '--out', at('never')],
    );
    expect(wrong.notes).toMatch(/^GRAPH_UNSUPPORTED: /);
    expect(wrong.notes).toContain(why);
    expect(existsSync(at('never'))).toBe(false);
  });

  it('refuses a tokenizer with a regular expression that is not known, and a line without a label', async () => {
    const pattern = { Regex: '(a+)+$' };
    const own = { ...wordPieceTokenizer(), pre_tokenizer: { type: 'Split', pattern, behavior: 'Isolated' } };
    await writeFile(at('own.json'), JSON.stringify(own));
    const call = await imported('never', '--tokenizer', at('own.json'));
    expect(call.notes).toMatch(/^TOKENIZER_UNSUPPORTED: .*pre_tokenizer/);
    await writeFile(at('bad.tsv'), 'text\tlabel\nlamp on\tlight_on\nlamp off\n');
    expect((await imported('never', '--validation', at('bad.tsv'))).notes).toContain('line 3');
    expect(existsSync(at('never'))).toBe(false);
  });
});
