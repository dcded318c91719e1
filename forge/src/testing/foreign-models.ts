// Owns small foreign classifiers with their validation files and tokenizers, as other tools would write them: real answers of real
// graphs, learnt by counting words, for tests of imports. It never imports one.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { int, ints } from '../onnx/attributes.ts';
import { encodeModel, type ModelSpec, type NodeSpec } from '../onnx/model.ts';
import { tensorSpec } from '../onnx/tensor.ts';
import { SeededRandom } from '../seeded-random.ts';

/** What a home says, by intent; a text of a test may say it in another order. */
export const SPOKEN: Readonly<Record<string, readonly string[]>> = {
  light_on: [
    'turn on the lamp',
    'lights on please',
    'switch the light on',
    'make it bright in here',
    'lamp on',
  ],
  light_off: [
    'turn off the lamp',
    'lights off please',
    'switch the light off',
    'make it dark in here',
    'lamp off',
  ],
  weather: [
    'how is the weather',
    'will it rain tomorrow',
    'is it cold outside',
    'weather for today',
    'any snow tomorrow',
  ],
  music: ['play some music', 'put on a song', 'play jazz', 'start the radio', 'next song please'],
};
const LABELS = Object.keys(SPOKEN);
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
/** Twice the labels: what speaks for each, and against. */
const WIDTH = 2 * LABELS.length;
/** Rows of the table beyond the words, as vocabularies have them that were made for other texts. */
const SPARE_ROWS = 200;

const wordsOf = (text: string): string[] => text.split(' ');
const labelled = LABELS.flatMap((label) => (SPOKEN[label] ?? []).map((text) => ({ text, label })));
const words = [...new Set(labelled.flatMap(({ text }) => wordsOf(text)))].sort();

/** A WordPiece tokenizer of the words, "lamps" as "lamp" and "##s", in the form of Hugging Face tokenizers. */
export function wordPieceTokenizer(): object {
  const entries = [...SPECIAL, ...words, '##s'];
  const added = SPECIAL.map((content, id) => ({ id, content, special: true, normalized: false }));
  return {
    version: '1.0',
    truncation: { max_length: 16, strategy: 'LongestFirst', stride: 0 },
    padding: null,
    added_tokens: added,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {},
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])),
    },
  };
}

/** Logarithms of how much more often a word is said with a label than without, smoothed; and the same against it. */
function table(): Float32Array {
  const rows = SPECIAL.length + words.length + SPARE_ROWS;
  const values = new Float32Array(rows * WIDTH);
  const said = (label: string, word: string): number =>
    labelled.filter((one) => one.label === label && wordsOf(one.text).includes(word)).length;
  words.forEach((word, at) => {
    const counts = LABELS.map((label) => said(label, word) + 0.1);
    const all = counts.reduce((sum, count) => sum + count, 0);
    counts.forEach((count, label) => {
      const row = (SPECIAL.length + at) * WIDTH + label;
      values[row] = Math.log((count * LABELS.length) / all);
      values[row + LABELS.length] = -(values[row] ?? 0);
    });
  });
  return values;
}

const matrix = (random: SeededRandom, size: number): Float32Array =>
  Float32Array.from({ length: WIDTH * WIDTH }, () => size * random.normal());

/** From both halves of the mean to a score a label. */
const head = (): Float32Array =>
  Float32Array.from({ length: WIDTH * LABELS.length }, (_, at) => {
    const [row, column] = [Math.floor(at / LABELS.length), at % LABELS.length];
    if (row % LABELS.length !== column) return 0;
    return row < LABELS.length ? 2 : -2;
  });

const call = (operator: string, inputs: string[], output: string, attributes = {}): NodeSpec => ({
  operator,
  inputs,
  outputs: [output],
  attributes,
});

/** A transformer of one layer and one head over the words, as exporters write it: masked attention, masked mean, a dense layer. */
export function textClassifier(): ModelSpec {
  const random = new SeededRandom(7, 'foreign');
  const rows = SPECIAL.length + words.length + SPARE_ROWS;
  const sequence = { type: 'int64', dimensions: ['batch', 'sequence'] } as const;
  return {
    name: 'text',
    opset: 14,
    inputs: [
      { name: 'input_ids', ...sequence },
      { name: 'attention_mask', ...sequence },
    ],
    outputs: [{ name: 'logits', type: 'float32', dimensions: ['batch', LABELS.length] }],
    metadata: {},
    constants: [
      tensorSpec('table', table(), [rows, WIDTH]),
      tensorSpec('query', matrix(random, 0.1), [WIDTH, WIDTH]),
      tensorSpec('key', matrix(random, 0.1), [WIDTH, WIDTH]),
      tensorSpec('value', matrix(random, 0.02), [WIDTH, WIDTH]),
      tensorSpec('head', head(), [WIDTH, LABELS.length]),
      tensorSpec('bias', new Float32Array(LABELS.length), [LABELS.length]),
      tensorSpec('one', Float32Array.of(1), []),
      tensorSpec('far', Float32Array.of(-1e4), []),
      tensorSpec('middle', BigInt64Array.of(1n), [1]),
      tensorSpec('last', BigInt64Array.of(2n), [1]),
    ],
    nodes: [
      call('Gather', ['table', 'input_ids'], 'words'),
      call('MatMul', ['words', 'query'], 'queries'),
      call('MatMul', ['words', 'key'], 'keys'),
      call('MatMul', ['words', 'value'], 'values'),
      call('Transpose', ['keys'], 'turned', { perm: ints([0, 2, 1]) }),
      call('MatMul', ['queries', 'turned'], 'scores'),
      call('Cast', ['attention_mask'], 'mask', { to: int(1) }),
      call('Unsqueeze', ['mask', 'middle'], 'columns'),
      call('Sub', ['one', 'columns'], 'hidden'),
      call('Mul', ['hidden', 'far'], 'away'),
      call('Add', ['scores', 'away'], 'masked'),
      call('Softmax', ['masked'], 'shares', { axis: int(-1) }),
      call('MatMul', ['shares', 'values'], 'seen'),
      call('Add', ['words', 'seen'], 'mixed'),
      call('Unsqueeze', ['mask', 'last'], 'weights'),
      call('Mul', ['mixed', 'weights'], 'kept'),
      call('ReduceSum', ['kept', 'middle'], 'sum', { keepdims: int(0) }),
      call('Gemm', ['sum', 'head', 'bias'], 'logits'),
    ],
  };
}

/** The files of the classifier of texts: `texts.onnx`, `tokenizer.json`, `texts.tsv`, `labels.txt`. */
export async function writeTextClassifier(directory: string): Promise<void> {
  const rows = labelled.map(({ text, label }) => `${text}\t${label}`);
  await writeFile(join(directory, 'texts.onnx'), encodeModel(textClassifier()));
  await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(wordPieceTokenizer(), undefined, 2));
  await writeFile(join(directory, 'texts.tsv'), ['text\tlabel', ...rows].join('\n'));
  await writeFile(join(directory, 'labels.txt'), LABELS.join('\n'));
}

/** The files of a classifier of two features, load and heat: `pump.onnx` and `pump.csv`; worn is where the load is the greater. */
export async function writePumpClassifier(directory: string): Promise<void> {
  const rows = Array.from({ length: 40 }, (_, row) => ({ load: (row % 7) - 3, heat: (row % 5) - 2.5 }));
  const lines = rows.map(({ load, heat }) => `${load},${heat},${load > heat ? 'worn' : 'fine'}`);
  await writeFile(join(directory, 'pump.onnx'), encodeModel(pumpClassifier));
  await writeFile(join(directory, 'pump.csv'), ['load,heat,label', ...lines].join('\n'));
}

/** Two features to two labels: the second when the first feature is the greater. */
export const pumpClassifier: ModelSpec = {
  name: 'features',
  opset: 13,
  nodes: [
    {
      operator: 'Gemm',
      inputs: ['x', 'first', 'bias'],
      outputs: ['hidden'],
      attributes: { transB: int(1) },
    },
    { operator: 'Relu', inputs: ['hidden'], outputs: ['window'], attributes: {} },
    { operator: 'MatMul', inputs: ['window', 'second'], outputs: ['logits'], attributes: {} },
    { operator: 'Softmax', inputs: ['logits'], outputs: ['shares'], attributes: { axis: int(-1) } },
  ],
  constants: [
    tensorSpec('first', Float32Array.of(1, -1, -1, 1, 0.5, 0.5), [3, 2]),
    tensorSpec('bias', Float32Array.of(0, 0, 1), [3]),
    tensorSpec('second', Float32Array.of(-4, 4, 4, -4, 0, 0), [3, 2]),
  ],
  inputs: [{ name: 'x', type: 'float32', dimensions: ['batch', 2] }],
  outputs: [{ name: 'shares', type: 'float32', dimensions: ['batch', 2] }],
  metadata: {},
};
