// The bundles that this project ships, as they lie in the repository.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { headOf, listInitializers } from '@nanofleet/runtime';
import { type CheckedBundle, inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { describe, expect, it } from 'vitest';
import { kindOfRecipe } from '../command/recipe-kind.ts';
import { readEntityRecipe } from '../entities/recipe.ts';
import { optimizedGraph } from '../onnx/optimized-graph.ts';
import { readSensorRecipe } from '../sensor/recipe.ts';
import { readRecipe } from '../text/recipe.ts';

const BUNDLES = fileURLToPath(new URL('../../../bundles/', import.meta.url));
const RECIPES = fileURLToPath(new URL('../../recipes/', import.meta.url));

/** TensorProto.DataType. */
const INT8 = 3;

const open = async (name: string): Promise<CheckedBundle> => await inspectBundle(`${BUNDLES}${name}`);

/** Products in float32, and what turns codes back into float32. */
const SLOW = /^(Fused)?(MatMul|Gemm|Conv)$|^(MatMul|Conv)Integer$|^(Dequantize|DynamicQuantize)Linear$/;

describe('the shipped graphs', () => {
  it.each(readdirSync(BUNDLES))(
    '%s runs one integer kernel a weight matrix, and no weight in float32',
    async (name) => {
      const { files, manifest } = await open(name);
      const { initializers, nodes } = await optimizedGraph(files.get('infer.int8') ?? new Uint8Array());
      const weights = manifest.quantization.filter(({ tensor }) => !tensor.endsWith('table.int8'));
      const count = (operator: string) => nodes.filter((node) => node.operator === operator).length;
      expect(count('DynamicQuantizeMatMul')).toBe(weights.filter(({ axis }) => axis === 1).length);
      expect(count('QLinearConv')).toBe(weights.filter(({ axis }) => axis === 0).length);
      // Activations of both kinds are multiplied in float32 (a bag's rows by their scales); weights are not.
      const slow = nodes.filter(({ operator }) => SLOW.test(operator));
      const weighed = slow.filter(({ inputs }) =>
        inputs.some((input) => (initializers.get(input)?.dims.length ?? 0) > 1),
      );
      expect(weighed).toEqual([]);
      for (const { tensor } of manifest.quantization) expect(initializers.get(tensor)?.dataType).toBe(INT8);
    },
  );

  it.each(readdirSync(BUNDLES))('%s keeps seven bits of each weight that is multiplied', async (name) => {
    const { files, manifest } = await open(name);
    const initializers = listInitializers(files.get('infer.int8') ?? new Uint8Array());
    const weights = manifest.quantization.filter(({ tensor }) => !tensor.endsWith('table.int8'));
    for (const { bits, tensor } of weights) {
      const raw = initializers.find((one) => one.name === tensor)?.raw ?? new Uint8Array();
      expect(bits).toBe(7);
      expect(Int8Array.from(raw).every((code) => Math.abs(code) <= 63)).toBe(true);
    }
  });
});

describe('the shipped text bundles', () => {
  it.each([
    ['household-1', 1_500_000],
    ['household-2', 1_500_000],
    ['household-mini', 6_000_000],
  ])(
    '%s reproduces its golden vectors, knows the kitchen light and is at most %d bytes',
    async (name, bytesMax) => {
      const bundle = await open(name);
      const runner = await loadTextRunner(bundle);
      const decision = await runner.decide('turn the kitchen light on');
      await runner.release();
      expect(decision).toMatchObject({ label: 'HassTurnOn', verdict: 'sure' });
      expect(bundle.manifest.cost.bytes).toBeLessThanOrEqual(bytesMax);
    },
  );

  it.each([
    ['nano-s', 300_000],
    ['nano', 600_000],
    ['nano-l', 1_800_000],
    ['mini-clinc150', 12_000_000],
    ['nano-l-hwu64', 1_800_000],
    ['nano-l-banking77', 1_800_000],
    ['nano-l-ha-intents', 1_800_000],
  ])('%s reproduces its golden vectors with a graph of at most %d bytes', async (name, bytesMax) => {
    const bundle = await open(name);
    const runner = await loadTextRunner(bundle);
    await runner.release();
    expect(bundle.files.get('infer.int8')?.length).toBeLessThanOrEqual(bytesMax);
  });

  it.each(['household-1', 'household-2', 'household-mini', 'nano-s', 'nano', 'nano-l', 'mini-clinc150'])(
    '%s has a card that names its digest and every attribution',
    async (name) => {
      const { digest, manifest } = await open(name);
      const card = readFileSync(`${BUNDLES}${name}/CARD.md`, 'utf8');
      for (const stated of [digest, manifest.license, ...manifest.attribution])
        expect(card).toContain(stated);
    },
  );

  it.each(['household-1', 'household-2', 'household-mini'])(
    '%s has the head that its manifest lets train',
    async (name) => {
      const { manifest, files } = await open(name);
      const head = headOf(files.get('infer.int8') ?? new Uint8Array());
      expect(manifest.trainable).toEqual([
        { name: 'head.weight', shape: [head.width, head.classes] },
        { name: 'head.bias', shape: [head.classes] },
      ]);
      expect(head.weight.every((value) => Math.abs(value) < 100)).toBe(true);
    },
  );

  it('make release 2 a child of release 1 with the same labels', async () => {
    const [first, second] = [await open('household-1'), await open('household-2')];
    expect(second.manifest.parent).toBe(first.digest);
    expect(second.manifest.labels).toEqual(first.manifest.labels);
    expect(second.manifest.releaseCounter).toBeGreaterThan(first.manifest.releaseCounter);
  });

  it('get better from release to release and from tier to tier', async () => {
    const accuracies = await Promise.all(
      ['household-1', 'household-2', 'household-mini'].map(
        async (name) => (await open(name)).manifest.quality[0]?.accuracy ?? 0,
      ),
    );
    expect(accuracies[0]).toBeGreaterThanOrEqual(0.92);
    expect(accuracies).toEqual(accuracies.toSorted((left, right) => left - right));
  });
});

describe('the shipped recipes', () => {
  const all = readdirSync(RECIPES).filter((file) => file !== 'clinc150.json');
  const nameOf = async (path: string): Promise<string> => {
    const kind = await kindOfRecipe(path);
    if (kind === 'sensor') return (await readSensorRecipe(path)).name;
    if (kind === 'entities') return (await readEntityRecipe(path)).name;
    const { name, distillation } = await readRecipe(path);
    for (const { recipe } of distillation?.teachers ?? [])
      expect(`${(await readRecipe(RECIPES + recipe)).name}.json`).toBe(recipe);
    return name;
  };

  it.each(all)('%s can be read, and so can its teachers', async (file) => {
    expect(`${await nameOf(RECIPES + file)}.json`).toBe(file);
  });
});
