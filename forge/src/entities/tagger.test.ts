// Behaviour of taggers: the graph that devices run says what training meant, in fused kernels; batches learn what is marked.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TextFeatures } from '@nanofleet/runtime';
import { feedsTogether, openSession } from '@nanofleet/runtime/node';
import { describe, expect, it } from 'vitest';
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { SeededRandom } from '../seeded-random.ts';
import { entityTypesOf, readAnnotatedTexts, tagsOfEntities } from './annotated-texts.ts';
import { spanScore } from './span-score.ts';
import { EntitySwapper } from './swapped-entities.ts';
import { freshTagger, type TaggerShape } from './tagger.ts';
import { taggerOutputs } from './tagger-evaluation.ts';
import { taggerInferenceGraph } from './tagger-inference-graph.ts';
import { TaggerModel } from './tagger-model.ts';

const SHAPE: TaggerShape = {
  features: {
    kind: 'hashed-ngrams-1',
    buckets: 400,
    charMin: 2,
    charMax: 4,
    wordBigrams: true,
    lowerCase: true,
    rowsMax: 512,
  },
  width: 24,
  hidden: 32,
  channels: 20,
  convolutions: [
    { taps: 3, dilation: 1 },
    { taps: 5, dilation: 2 },
  ],
  classes: 7,
  types: 3,
  learnsOrder: true,
};
const TEXTS = [
  'turn the kitchen light on',
  'a',
  '語',
  "what's the weather like in the far north tomorrow morning",
];

describe('taggerInferenceGraph', () => {
  const tagger = freshTagger(SHAPE, 1);

  it('is fused to one quantized kernel a layer', async () => {
    const operators = await optimizedOperators(taggerInferenceGraph(tagger).bytes);
    expect(operators.filter((operator) => operator === 'DynamicQuantizeMatMul')).toHaveLength(6);
    for (const slow of ['MatMulInteger', 'DequantizeLinear', 'DynamicQuantizeLinear', 'Erf'])
      expect(operators).not.toContain(slow);
  });

  it('says of each text alone what the float32 graph says of all in one sequence, up to quantization', async () => {
    const expected = await taggerOutputs(tagger, TEXTS);
    const model = await TaggerModel.open(taggerInferenceGraph(tagger), 64);
    for (const [index, text] of TEXTS.entries()) {
      const { logits, tags, bounds, penultimate } = await model.compute(text);
      expect(penultimate).toHaveLength(52);
      expect(bounds).toEqual(expected[index]?.bounds);
      expect(tags).toHaveLength((bounds.length / 2) * 7);
      const gap = (left: Float32Array, right: Float32Array | undefined): number =>
        Math.max(...left.map((value, at) => Math.abs(value - (right?.[at] ?? Number.NaN))));
      expect(gap(logits, expected[index]?.logits)).toBeLessThan(0.03);
      expect(gap(tags, expected[index]?.tags)).toBeLessThan(0.06);
    }
    await model.release();
  });

  it('says of texts that share a run what it says of each alone, up to quantization, shorter ones padded', async () => {
    const texts = ['turn the kitchen light on', 'a b c d e', 'incomprehensibilities are not so rare'];
    const graph = taggerInferenceGraph(tagger);
    const [session, model] = [await openSession(graph.bytes, 'a test'), await TaggerModel.open(graph, 64)];
    const features = new TextFeatures(graph.features);
    const outputs = await session.run(
      feedsTogether(
        texts.map((text) => features.withTokens(text)),
        64,
      ),
    );
    const of = (name: string, index: number): Float32Array => {
      const all = outputs[name]?.data as Float32Array;
      const size = all.length / texts.length;
      return all.subarray(index * size, (index + 1) * size);
    };
    for (const [index, text] of texts.entries()) {
      const alone = await model.compute(text);
      for (const name of ['logits', 'tags', 'penultimate'] as const)
        for (const [at, value] of alone[name].entries())
          expect(Math.abs(value - (of(name, index)[at] ?? Number.NaN))).toBeLessThan(0.06);
    }
    await model.release();
    await session.release();
  });

  it('tags no token beyond the bound, and decides by all of them', async () => {
    const [whole, bounded] = [
      await TaggerModel.open(taggerInferenceGraph(tagger), 64),
      await TaggerModel.open(taggerInferenceGraph(tagger), 2),
    ];
    const text = TEXTS[0] ?? '';
    expect((await bounded.compute(text)).tags).toHaveLength(2 * 7);
    const hidden = async (model: TaggerModel): Promise<Float32Array> =>
      (await model.compute(text)).penultimate.slice(0, SHAPE.hidden);
    expect(await hidden(bounded)).toEqual(await hidden(whole));
    await whole.release();
    await bounded.release();
  });
});

describe('readAnnotatedTexts', () => {
  it('finds values without places where they are said, the longer name first, and leaves other languages out', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'forge-'));
    const file = join(directory, 'said.jsonl');
    const lines = [
      {
        text: 'Dim bedroom lamp in the bedroom to 40%',
        intent: 'dim',
        slots: { area: 'Bedroom', level: 40, name: 'Bedroom Lamp', kind: 'light', all: ['x'] },
        lang: 'en',
      },
      { text: 'mach das Licht an', intent: 'dim', slots: {}, lang: 'de' },
    ];
    await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
    const texts = await readAnnotatedTexts(file, 'en');
    await rm(directory, { recursive: true });
    expect(texts.map(({ entities }) => entities)).toEqual([
      [
        { start: 4, end: 16, type: 'name' },
        { start: 24, end: 31, type: 'area' },
        { start: 35, end: 37, type: 'level' },
      ],
    ]);
  });
});

describe('EntitySwapper', () => {
  const texts = [
    {
      text: 'dim the hall lamp to 20 percent',
      intent: 'dim',
      entities: [
        { start: 8, end: 12, type: 'area' },
        { start: 21, end: 23, type: 'level' },
      ],
    },
    { text: 'dim the wine cellar', intent: 'dim', entities: [{ start: 8, end: 19, type: 'area' }] },
  ];

  it('puts values of the same type in place and marks them where they are', () => {
    const swapper = new EntitySwapper(texts, { texts: 0.95, entities: 0.9, invented: 0 });
    const random = new SeededRandom(1, 'test');
    const seen = new Set<string>();
    for (let turn = 0; turn < 40; turn += 1) {
      const { text, entities } = swapper.of(texts[0] as (typeof texts)[0], random);
      const values = entities.map(({ start, end }) => text.slice(start, end));
      expect(text).toBe(`dim the ${values[0]} lamp to ${values[1]} percent`);
      expect(entities.map(({ type }) => type)).toEqual(['area', 'level']);
      seen.add(values[0] ?? '');
    }
    expect([...seen].toSorted()).toEqual(['hall', 'wine cellar']);
  });

  it('makes tags of types, and knows which types there are', () => {
    expect(entityTypesOf(texts)).toEqual(['area', 'level']);
    const bounds = Int32Array.of(0, 3, 4, 7, 8, 12, 13, 19);
    const entities = texts[1]?.entities ?? [];
    expect(Array.from(tagsOfEntities(entities, { bounds, types: ['level', 'area'] }))).toEqual([0, 0, 3, 4]);
    expect(Array.from(tagsOfEntities(entities, { bounds, types: ['level'] }))).toEqual([0, 0, 0, 0]);
  });
});

describe('spanScore', () => {
  it('counts an entity only with the right start, end and type', () => {
    const area = { start: 8, end: 12, type: 'area' };
    const marked = [area, { start: 20, end: 22, type: 'level' }];
    const found = [area, { start: 20, end: 23, type: 'level' }, { start: 0, end: 2, type: 'area' }];
    expect(spanScore([{ marked, found }])).toMatchObject({ precision: 1 / 3, recall: 1 / 2, f1: 0.4 });
    expect(spanScore([{ marked: [], found: [] }])).toMatchObject({ precision: 0, recall: 0, f1: 0 });
  });
});
