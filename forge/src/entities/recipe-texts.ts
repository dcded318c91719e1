// Owns turning a recipe's files into texts to learn from and texts to judge with. A text that also occurs among the latter is
// never learned from. It never trains.
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { readTexts } from '../datasets/labelled-texts.ts';
import { normal } from '../text/recipe-texts.ts';
import { type AnnotatedText, entityTypesOf, readAnnotatedTexts } from './annotated-texts.ts';
import type { EntityRecipe } from './recipe.ts';
import type { TaggerTexts } from './tagger-batches.ts';

/** Everything that a recipe's data section names. */
export interface EntityRecipeData {
  readonly learning: TaggerTexts;
  readonly validation: TaggerTexts;
}

/** Reads all files of a recipe. @throws NanofleetError TRAINING_SET_INVALID */
export async function readEntityData(
  { data, entities }: EntityRecipe,
  directory: string,
): Promise<EntityRecipeData> {
  const among = data.validation.among;
  const chosen = among === undefined ? null : new Set((await readTexts(join(directory, among))).map(normal));
  const judged = (
    await readAnnotatedTexts(join(directory, data.validation.file), data.validation.language)
  ).filter(({ text }) => chosen === null || chosen.has(normal(text)));
  const held = new Set(judged.map(({ text }) => normal(text)));
  const learned: AnnotatedText[] = [];
  for (const file of data.annotated) learned.push(...(await readAnnotatedTexts(join(directory, file))));
  const learnt = (all: readonly AnnotatedText[]): AnnotatedText[] =>
    all.map((example) => ({
      ...example,
      entities: example.entities.filter(({ type }) => !entities.leftOut.includes(type)),
    }));
  const texts = learnt(learned.filter(({ text }) => !held.has(normal(text))));
  const names = {
    intents: [...new Set(texts.map(({ intent }) => intent))].toSorted(),
    types: entityTypesOf(texts),
  };
  const unknown = judged.find(({ intent }) => !names.intents.includes(intent));
  if (unknown !== undefined) throw unknownIntent(unknown.intent, data.validation.file);
  return {
    learning: { texts, ...names },
    validation: { texts: learnt(judged), ...names },
  };
}

const unknownIntent = (intent: string, file: string): NanofleetError =>
  new NanofleetError(
    'TRAINING_SET_INVALID',
    `${file} has the intent ${intent}, which no text to learn from has`,
    {
      facts: { file, label: intent },
    },
  );
