// Owns what a recipe says of calibrating its bundle, whichever pipeline made it: texts with numbered labels, coverage, bound. It never
// runs a model.
import { dirname } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import type { NumberedText } from '../bundle/decided-counts.ts';
import type { TrustAsked } from '../bundle/recipe-thresholds.ts';
import { kindOfRecipe } from '../command/recipe-kind.ts';
import { readEntityRecipe } from '../entities/recipe.ts';
import { readEntityData, learnedTexts as taggerTexts } from '../entities/recipe-texts.ts';
import { readRecipe } from '../text/recipe.ts';
import { labelled, learnedTexts, readRecipeTexts } from '../text/recipe-texts.ts';

/** What a text bundle is calibrated with. */
export interface RecipeSubject extends Omit<TrustAsked, 'apart'> {
  readonly labels: readonly string[];
  readonly validation: readonly NumberedText[];
  readonly outOfScopeTuning: readonly string[];
  /** Texts that the model learned from, none of them in `validation`. */
  readonly learned: readonly NumberedText[];
  /** Directory of the parent bundle, relative to the recipe. */
  readonly parent?: string | undefined;
}

/**
 * Reads a recipe and its texts from the folder `data`.
 * @throws NanofleetError TRAINING_SET_INVALID for what cannot be read, and for recipes that give no text bundle
 */
export async function readRecipeSubject(path: string, data: string): Promise<RecipeSubject> {
  const kind = await kindOfRecipe(path);
  const places = { data, recipe: dirname(path) };
  if (kind === 'entities') return await entitySubject(path, places);
  if (kind === 'text') return await textSubject(path, places);
  throw notText(path, 'is about sensors');
}

interface Places {
  readonly data: string;
  readonly recipe: string;
}

async function textSubject(path: string, places: Places): Promise<RecipeSubject> {
  const recipe = await readRecipe(path);
  if (recipe.bundle === undefined) throw notText(path, 'has no section "bundle"');
  const texts = await readRecipeTexts(recipe, places);
  return {
    name: recipe.name,
    ...recipe.bundle,
    labels: texts.labels,
    validation: [...labelled(texts.validation)],
    outOfScopeTuning: texts.outOfScopeTuning,
    learned: [...learnedTexts(texts)],
  };
}

async function entitySubject(path: string, places: Places): Promise<RecipeSubject> {
  const recipe = await readEntityRecipe(path);
  const texts = await readEntityData(recipe, places);
  const labels = texts.learning.intents;
  return {
    name: recipe.name,
    ...recipe.bundle,
    labels,
    validation: texts.validation.texts.map(({ text, intent }) => ({ text, label: labels.indexOf(intent) })),
    outOfScopeTuning: texts.outOfScopeTuning,
    learned: taggerTexts(texts),
  };
}

const notText = (path: string, why: string): NanofleetError =>
  new NanofleetError(
    'TRAINING_SET_INVALID',
    `recipe ${path} ${why}: only a text bundle can be calibrated anew. Give the recipe that the bundle was made with.`,
    { facts: { file: path } },
  );
