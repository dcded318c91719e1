import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { normal } from '../datasets/held-out.ts';
import { type Recipe, readRecipe } from './recipe.ts';
import { readRecipeTexts } from './recipe-texts.ts';
import { writeSyntheticTexts } from './synthetic-texts.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  await writeSyntheticTexts(directory);
});
afterEach(async () => await rm(directory, { recursive: true }));

async function recipeWith(changes: Readonly<Record<string, unknown>>): Promise<Recipe> {
  return await readRecipe((await writeSyntheticTexts(directory, changes)).recipe);
}

const FOREIGN = [
  { text: 'lamp on', intent: 'TurnOn' },
  { text: 'lights on', intent: 'TurnOn' },
  { text: 'blinds up', intent: 'Blinds' },
];

describe('readRecipeTexts', () => {
  it('maps labels of another set, leaves others out and takes no more than asked', async () => {
    await writeFile(join(directory, 'foreign.jsonl'), FOREIGN.map((line) => JSON.stringify(line)).join('\n'));
    const foreign = { file: 'foreign.jsonl', map: { TurnOn: 'light' }, perLabelMax: 1 };
    const plain = await readRecipeTexts(await recipeWith({}), { data: directory, recipe: directory });
    const data = { labelled: [{ file: 'train.jsonl' }, foreign], validation: 'validation.jsonl' };
    const { training, labels } = await readRecipeTexts(await recipeWith({ data }), {
      data: directory,
      recipe: directory,
    });
    expect(training.texts).toHaveLength(plain.training.texts.length + 1);
    expect(labels[training.labels.at(-1) ?? -1]).toBe('light');
    expect(['lamp on', 'lights on']).toContain(training.texts.at(-1));
  });

  it('learns from no text that is judged with, however it is spelled', async () => {
    const data = { labelled: [{ file: 'train.jsonl' }], validation: 'shouted.jsonl' };
    const before = await readRecipeTexts(await recipeWith({}), { data: directory, recipe: directory });
    const [text = ''] = before.training.texts;
    await writeFile(
      join(directory, 'shouted.jsonl'),
      JSON.stringify({ text: `${text.toUpperCase()}!`, intent: 'light' }),
    );
    const { training } = await readRecipeTexts(await recipeWith({ data }), {
      data: directory,
      recipe: directory,
    });
    expect(training.texts.map(normal)).not.toContain(normal(text));
    expect(before.training.texts.map(normal)).toContain(normal(text));
    expect(training.texts.length).toBeGreaterThan(0);
  });

  it('leaves out of grammars and training what files beside the recipe will judge with', async () => {
    await mkdir(join(directory, 'lists'));
    await mkdir(join(directory, 'grammars'));
    await writeFile(join(directory, 'grammars', 'light.txt'), '(dim|darken) the (hall|attic)\n');
    const base = { labelled: [{ file: 'train.jsonl' }], validation: 'validation.jsonl' };
    const grammars = [{ folder: 'grammars', lists: 'lists', perLabel: 4 }];
    const read = async (heldOut: readonly string[]) =>
      await readRecipeTexts(await recipeWith({ data: { ...base, grammars, heldOut } }), {
        data: directory,
        recipe: directory,
      });
    const before = await read([]);
    const [said = ''] = before.training.texts;
    const story = ['Dim the hall!', said].map((text) => JSON.stringify({ text }));
    await writeFile(join(directory, 'story.jsonl'), story.join('\n'));
    const after = await read(['story.jsonl']);
    expect(before.grammars.texts).toContain('dim the hall');
    expect(after.grammars.texts).toEqual(before.grammars.texts.filter((text) => text !== 'dim the hall'));
    expect(after.training.texts).toEqual(
      before.training.texts.filter((text) => normal(text) !== normal(said)),
    );
  });

  it('refuses a label that the first file does not have', async () => {
    await writeFile(join(directory, 'foreign.jsonl'), JSON.stringify(FOREIGN[2]));
    const data = {
      labelled: [{ file: 'train.jsonl' }, { file: 'foreign.jsonl' }],
      validation: 'validation.jsonl',
    };
    const recipe = await recipeWith({ data });
    await expect(readRecipeTexts(recipe, { data: directory, recipe: directory })).rejects.toMatchObject({
      code: 'TRAINING_SET_INVALID',
    });
  });

  it('refuses a set of one intent, and one that is not UTF-8, with file and line', async () => {
    const refusal = async (content: string | Uint8Array): Promise<string> => {
      await writeFile(join(directory, 'wrong.jsonl'), content);
      const data = { labelled: [{ file: 'wrong.jsonl' }], validation: 'validation.jsonl' };
      const recipe = await recipeWith({ data });
      return await readRecipeTexts(recipe, { data: directory, recipe: directory }).then(
        () => 'nothing refused',
        (error: unknown) => String(error),
      );
    };
    const line = JSON.stringify({ text: 'lamp on', intent: 'light' });
    expect(await refusal(`${line}\n${line}`)).toContain('wrong.jsonl has the one intent light');
    const broken = Buffer.concat([Buffer.from(`${line}\n{"text": "`), Buffer.of(0xff), Buffer.from('"}')]);
    expect(await refusal(broken)).toContain('wrong.jsonl, line 2: not UTF-8');
  });

  it('makes the same recombined texts every time, out of words that were there', async () => {
    const data = {
      labelled: [{ file: 'train.jsonl' }],
      validation: 'validation.jsonl',
      recombined: { sameLabel: 1, anyLabel: 1 },
    };
    const recipe = await recipeWith({ data });
    const [first, second] = [
      await readRecipeTexts(recipe, { data: directory, recipe: directory }),
      await readRecipeTexts(recipe, { data: directory, recipe: directory }),
    ];
    expect(first.unlabelled).toEqual(second.unlabelled);
    expect(first.unlabelled.length).toBeGreaterThan(first.training.texts.length / 2);
    const words = new Set(first.training.texts.flatMap((text) => text.split(' ')));
    expect(first.unlabelled.flatMap((text) => text.split(' ')).filter((word) => !words.has(word))).toEqual(
      [],
    );
  });

  it('takes sections that a recipe lacks from the one that it extends', async () => {
    await writeFile(
      join(directory, 'own.json'),
      JSON.stringify({ extends: 'recipe.json', name: 'own', training: { epochs: 3 } }),
    );
    const recipe = await readRecipe(join(directory, 'own.json'));
    expect(recipe).toMatchObject({ name: 'own', training: { epochs: 3 }, network: { buckets: 512 } });
  });
});
