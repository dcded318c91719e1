// Behaviour of recipes that state a bound, from their texts to the bundle: kept and recorded, or no bundle at all.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Manifest } from '@nanofleet/protocol';
import { inspectBundle } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTextBundle } from './make-bundle.ts';
import { writeSyntheticTexts } from './synthetic-texts.ts';
import { type TrainedRecipe, towersOf, trainRecipe } from './train-recipe.ts';

const SILENT = { step: () => undefined, epoch: () => undefined };

let directory = '';
let recipePath = '';
let trained: TrainedRecipe;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  recipePath = (await writeSyntheticTexts(directory)).recipe;
  const out = join(directory, 'run');
  const where = { recipePath, data: directory, out, teachers: join(out, 'teachers') };
  trained = await trainRecipe({ ...where, seed: 1, progress: () => SILENT });
});
afterAll(async () => await rm(directory, { recursive: true }));

type Bound = NonNullable<NonNullable<TrainedRecipe['recipe']['bundle']>['bound']>;

/** Makes the bundle of the trained network with the bound in its recipe; gives its directory. */
async function made(name: string, bound: Bound): Promise<string> {
  const { recipe, texts, networks } = trained;
  assert(recipe.bundle);
  const making = {
    recipe: { ...recipe, bundle: { ...recipe.bundle, bound } },
    recipeDirectory: dirname(recipePath),
    seed: 1,
    texts,
    towers: towersOf(networks),
    directory: join(directory, name),
    nowMs: () => performance.now(),
  };
  await makeTextBundle(making);
  return making.directory;
}

const manifestOf = async (bundle: string): Promise<Manifest> => (await inspectBundle(bundle)).manifest;

// 32 validation and 12 out-of-scope texts show little: with none against it, at most 13 % and 36 %.
const WIDE: Bound = { wrongKept: 0.25, outOfScopeKept: 0.9, delta: 0.1 };

describe('a recipe with a bound', () => {
  it('gives a bundle whose manifest records the bound, and what it was certified with', async () => {
    const { thresholds, labels } = await manifestOf(await made('wide', WIDE));
    expect(thresholds.bound).toMatchObject({ ...WIDE, certifiedWith: { outOfScope: 12 } });
    expect(thresholds.bound?.certifiedWith.inScopeKept).toBeGreaterThanOrEqual(16);
    expect(thresholds.confidence).toHaveLength(labels.names.length);
    expect(new Set(thresholds.confidence).size).toBe(1);
  });

  it('says on the card what is promised, and what it was shown with', async () => {
    const next = { inScope: 40, outOfScope: 12 };
    const card = await readFile(join(await made('card', { ...WIDE, next }), 'CARD.md'), 'utf8');
    const trust = card.slice(card.indexOf('## Trust'), card.indexOf('## Data'));
    expect(trust).toContain('at most 25.00 % of the in-scope answers that are sure are wrong');
    expect(trust).toContain('of the next 40 in-scope and 12 out-of-scope texts, too');
    expect(trust).toMatch(/Certified with \d+ wrong of \d+ in-scope texts kept .* \d+ of 12 out-of-scope/);
  });

  it('gives no bundle where the texts do not show it, and says what would', async () => {
    const narrow = made('narrow', { ...WIDE, wrongKept: 0.01 });
    await expect(narrow).rejects.toMatchObject({
      code: 'TRAINING_SET_INVALID',
      message: expect.stringMatching(
        /recipe synthetic states a bound .*wrong among kept in-scope texts: \d+ of \d+ show at most 0\.\d+, not 0\.01/,
      ) as string,
    });
    expect(existsSync(join(directory, 'narrow'))).toBe(false);
  });
});
