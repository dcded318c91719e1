// Behaviour of compression: what each step leaves, graphs that come back from the wire, and kernels of every form.
import { codebookOf, expandWire } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import { optimizedGraph } from '../onnx/optimized-graph.ts';
import { freshTower } from '../text/tower.ts';
import { trainingSettingsSchema } from '../text/training-settings.ts';
import { type CompressedModel, modelFiles, quantizeMatrix } from './compressed-model.ts';
import { compressionStepSchema } from './compression-settings.ts';
import { compress } from './compression-step.ts';
import { nearestOfRank } from './low-rank.ts';

const SHAPE = {
  features: {
    kind: 'hashed-ngrams-1',
    buckets: 256,
    charMin: 2,
    charMax: 3,
    wordBigrams: true,
    lowerCase: true,
    rowsMax: 128,
  },
  width: 16,
  hidden: 24,
  classes: 2,
} as const;

const HOW = {
  seed: 1,
  training: trainingSettingsSchema.parse({ batchSize: 4, dropout: 0, featureDropout: 0, wordDropout: 0 }),
  sources: [
    {
      texts: ['turn it on', 'make it bright', 'turn it off', 'make it dark'],
      labels: Int32Array.of(0, 0, 1, 1),
      share: 1,
    },
  ],
  stepsPerEpoch: 12,
};

async function after(step: unknown): Promise<CompressedModel> {
  const parsed = compressionStepSchema.parse(step);
  const start = { model: { tower: freshTower(SHAPE, 1), forms: {} } };
  return parsed.step === 'trained' ? start.model : (await compress(start, parsed, HOW)).model;
}

const zeros = (values: Float32Array): number => values.filter((value) => value === 0).length / values.length;

describe('steps of compression', () => {
  it.each([
    ['as trained', { step: 'trained' }],
    ['4 bits', { step: 'quantize', bits: 4, hiddenBits: 4, headBits: 4 }],
    ['2 bits, trained', { step: 'quantize', bits: 2, epochs: 1 }],
    ['pruned', { step: 'prune', share: 0.5 }],
    ['with fewer units', { step: 'drop-units', share: 0.5 }],
    ['folded', { step: 'fold' }],
    ['of shared pieces, trained', { step: 'codebook', width: 4, entries: 16, epochs: 1 }],
  ])('run integer kernels with no weight in float32, and travel without loss: %s', async (_, step) => {
    const { graph, wire } = modelFiles(await after(step));
    expect(expandWire(wire, graph.quantization)).toEqual(graph.bytes);
    const { nodes, initializers } = await optimizedGraph(graph.bytes);
    const operators = nodes.map(({ operator }) => operator);
    expect(operators.filter((operator) => operator === 'DynamicQuantizeMatMul')).toHaveLength(2);
    for (const slow of ['MatMulInteger', 'DequantizeLinear', 'DynamicQuantizeLinear'])
      expect(operators).not.toContain(slow);
    // The most that may stay float32 is the table's scales, one a row.
    const floats = [...initializers.values()].filter(({ dataType }) => dataType === 1);
    expect(Math.max(...floats.map(({ raw }) => raw.length / 4))).toBeLessThanOrEqual(SHAPE.features.buckets);
  });

  it('prune the share that they are told, of the whole or of each row, and keep it pruned in training', async () => {
    expect(zeros((await after({ step: 'prune', share: 0.75 })).tower.table)).toBeCloseTo(0.75, 2);
    const rows = await after({ step: 'prune', share: 0.5, scope: 'row' });
    expect(zeros(rows.tower.table.subarray(0, SHAPE.width))).toBe(0.5);
    const gradual = await after({ step: 'prune', share: 0.75, epochs: 2 });
    expect(zeros(gradual.tower.table)).toBeCloseTo(0.75, 2);
  });

  it('remove units with their weights in and out', async () => {
    const { tower } = await after({ step: 'drop-units', share: 0.25 });
    expect(tower.shape.hidden).toBe(18);
    expect(tower.dense['head.weight']).toHaveLength(18 * SHAPE.classes);
    const before = freshTower(SHAPE, 1).dense['hidden.weight'];
    expect(before).toContain(tower.dense['hidden.weight'][0]);
  });

  it('make rows of pieces that all of them share, also after training', async () => {
    const step = { step: 'codebook', width: 4, entries: 16, epochs: 1 };
    const { forms } = await after(step);
    const untrained = await after({ ...step, epochs: 0 });
    for (const { table } of [forms, untrained.forms])
      expect(codebookOf(table?.quantized.codes ?? new Int8Array(), 4).entries.length / 4).toBeLessThanOrEqual(
        16,
      );
    expect(forms.table?.quantized.codes).not.toEqual(untrained.forms.table?.quantized.codes);
  });

  it('train weights that stay off the grid while texts see them on it', async () => {
    const trained = (await after({ step: 'quantize', bits: 2, epochs: 1 })).tower.table;
    const at = quantizeMatrix({ tower: freshTower(SHAPE, 1), forms: {} }, 'table', { bits: 2, clip: true });
    expect(trained).not.toEqual(at.tower.table);
    expect(new Set(trained.subarray(0, SHAPE.width).map(Math.abs)).size).toBeLessThanOrEqual(2);
  });
});

describe('nearestOfRank', () => {
  it('keeps a matrix of that rank, and the greatest part of one of a higher rank', () => {
    const outer = Float32Array.of(1, 2, 3, 2, 4, 6, -1, -2, -3);
    nearestOfRank(outer, { columns: 3, rank: 1 }).forEach((value, at) => {
      expect(value).toBeCloseTo(outer[at] ?? 0, 5);
    });
    const diagonal = nearestOfRank(Float32Array.of(3, 0, 0, 1), { columns: 2, rank: 1 });
    expect(diagonal[0]).toBeCloseTo(3, 5);
    expect(diagonal[3]).toBeCloseTo(0, 5);
  });
});
