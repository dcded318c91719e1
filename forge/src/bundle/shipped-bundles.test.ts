// The bundles that this project ships, as they lie in the repository.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { headOf } from '@nanofleet/runtime';
import { type CheckedBundle, inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { describe, expect, it } from 'vitest';
import { readEntityRecipe } from '../entities/recipe.ts';
import { readRecipe } from '../text/recipe.ts';

const BUNDLES = fileURLToPath(new URL('../../../bundles/', import.meta.url));
const RECIPES = fileURLToPath(new URL('../../recipes/', import.meta.url));

const open = async (name: string): Promise<CheckedBundle> => await inspectBundle(`${BUNDLES}${name}`);

describe('the shipped text bundles', () => {
  it.each([
    ['intent-1', 1_500_000],
    ['intent-2', 1_500_000],
    ['mini-1', 6_000_000],
  ])(
    '%s reproduces its golden vectors, knows the kitchen light and is at most %d bytes',
    async (name, bytesMax) => {
      const bundle = await open(name);
      const runner = await loadTextRunner(bundle);
      const decision = await runner.decide('turn the kitchen light on');
      await runner.release();
      expect(decision).toMatchObject({ label: 'smart_home', verdict: 'sure' });
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

  it.each(['intent-1', 'intent-2', 'mini-1', 'nano-s', 'nano', 'nano-l', 'mini-clinc150'])(
    '%s has a card that names its digest and every attribution',
    async (name) => {
      const { digest, manifest } = await open(name);
      const card = readFileSync(`${BUNDLES}${name}/CARD.md`, 'utf8');
      for (const stated of [digest, manifest.license, ...manifest.attribution])
        expect(card).toContain(stated);
    },
  );

  it.each(['intent-1', 'intent-2', 'mini-1'])(
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
    const [first, second] = [await open('intent-1'), await open('intent-2')];
    expect(second.manifest.parent).toBe(first.digest);
    expect(second.manifest.labels).toEqual(first.manifest.labels);
    expect(second.manifest.releaseCounter).toBeGreaterThan(first.manifest.releaseCounter);
  });

  it('get better from release to release and from tier to tier', async () => {
    const accuracies = await Promise.all(
      ['intent-1', 'intent-2', 'mini-1'].map(
        async (name) => (await open(name)).manifest.quality[0]?.accuracy ?? 0,
      ),
    );
    expect(accuracies[0]).toBeGreaterThanOrEqual(0.92);
    expect(accuracies).toEqual(accuracies.toSorted((left, right) => left - right));
  });
});

describe('the shipped recipes', () => {
  const all = readdirSync(RECIPES).filter((file) => file !== 'clinc150.json');
  const recipes = all.filter((file) => !file.startsWith('entities-'));

  it.each(all.filter((file) => file.startsWith('entities-')))('%s can be read', async (file) => {
    expect(`${(await readEntityRecipe(`${RECIPES}${file}`)).name}.json`).toBe(file);
  });

  it.each(recipes)('%s can be read, and so can its teachers', async (file) => {
    const recipe = await readRecipe(`${RECIPES}${file}`);
    expect(`${recipe.name}.json`).toBe(file);
    for (const teacher of recipe.distillation?.teachers ?? []) {
      expect(`${(await readRecipe(RECIPES + teacher.recipe)).name}.json`).toBe(teacher.recipe);
    }
  });
});
