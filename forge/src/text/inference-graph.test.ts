import { TextFeatures } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import { optimizedOperators } from '../onnx/optimized-graph.ts';
import { inferenceGraph } from './inference-graph.ts';
import { withInference } from './inference-session.ts';
import { freshTower, type Tower } from './tower.ts';
import { towerLogits } from './tower-evaluation.ts';

const SHAPE = {
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
  classes: 7,
} as const;

const TOWERS: Tower[] = [freshTower(SHAPE, 1), freshTower(SHAPE, 2)];
const TEXTS = [
  'turn the kitchen light on',
  'a',
  '',
  "what's the weather like in the far north tomorrow morning",
];

describe('inferenceGraph', () => {
  it('is fused to one quantized kernel a layer', async () => {
    const operators = await optimizedOperators(inferenceGraph(TOWERS).bytes);
    expect(operators.filter((operator) => operator === 'DynamicQuantizeMatMul')).toHaveLength(3);
    for (const slow of ['MatMulInteger', 'DequantizeLinear', 'DynamicQuantizeLinear', 'Erf'])
      expect(operators).not.toContain(slow);
  });

  it('has one quantized kernel where there is no hidden layer', async () => {
    const graph = inferenceGraph([freshTower({ ...SHAPE, hidden: 0 }, 3)]);
    const operators = await optimizedOperators(graph.bytes);
    expect(operators.filter((operator) => operator === 'DynamicQuantizeMatMul')).toHaveLength(1);
    expect(graph.quantization.map(({ tensor }) => tensor)).toEqual(['tower0.table.int8', 'head.weight.int8']);
    await withInference(graph, async (compute) => {
      expect((await compute('turn it on')).penultimate).toHaveLength(SHAPE.width);
    });
  });

  it('averages the logits of its towers, up to quantization', async () => {
    const features = new TextFeatures(SHAPE.features);
    const rows = TEXTS.map((text) => features.of(text).rows);
    const [first, second] = [
      await towerLogits(TOWERS[0] as Tower, rows),
      await towerLogits(TOWERS[1] as Tower, rows),
    ];
    await withInference(inferenceGraph(TOWERS), async (compute) => {
      for (const [index, text] of TEXTS.entries()) {
        const { logits, penultimate } = await compute(text);
        expect(penultimate).toHaveLength(64);
        logits.forEach((logit, at) => {
          const place = index * SHAPE.classes + at;
          expect(Math.abs(logit - ((first[place] ?? 0) + (second[place] ?? 0)) / 2)).toBeLessThan(0.03);
        });
      }
    });
  });
});
