// Owns turning a recipe's files into texts to learn from and texts to judge with. A text that also occurs among the latter is
// never learned from. It never trains.
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import type { NumberedText } from '../bundle/decided-counts.ts';
import { learnableBeside, normal, textsOfFiles } from '../datasets/held-out.ts';
import { readLabelledTexts, readTexts } from '../datasets/labelled-texts.ts';
import { grammarSentences } from '../grammar/grammar-corpus.ts';
import {
  type AnnotatedText,
  entityTypesOf,
  type LearnedText,
  readAnnotatedTexts,
} from './annotated-texts.ts';
import type { EntityRecipe, FurtherTexts } from './recipe.ts';
import type { TaggerTexts } from './tagger-batches.ts';

/** Texts to judge with, in one list with the names that their numbers stand for. */
export interface JudgedTexts extends Pick<TaggerTexts, 'intents' | 'types'> {
  readonly texts: readonly (LearnedText & { readonly intent: string })[];
}

/** Everything that a recipe's data section names. */
export interface EntityRecipeData {
  readonly learning: TaggerTexts;
  readonly validation: JudgedTexts;
  readonly outOfScopeTuning: readonly string[];
  readonly outOfScopeReport: readonly string[];
}

/** Where a recipe's files are. */
export interface EntityRecipePlaces {
  /** The data directory. */
  readonly data: string;
  /** The directory of the recipe. */
  readonly recipe: string;
}

/** Reads all files of a recipe. @throws NanofleetError TRAINING_SET_INVALID */
export async function readEntityData(
  recipe: EntityRecipe,
  places: EntityRecipePlaces,
): Promise<EntityRecipeData> {
  const { data } = recipe;
  const named = renamer(data.intents);
  const outOfScopeTuning = await textsOfFiles(data.outOfScopeTuning, places.data);
  const outOfScopeReport = await textsOfFiles(data.outOfScopeReport, places.data);
  const heldOut = await textsOfFiles(data.heldOut, places.recipe);
  const judged = named(await judgedTexts(recipe, places.data));
  const judgedLabelled = await judgedWithoutMarks(recipe, places.data);
  const judgedOn = [...judged, ...judgedLabelled].map(({ text }) => text);
  const isLearnable = learnableBeside([...judgedOn, ...outOfScopeTuning, ...outOfScopeReport, ...heldOut]);
  const learnt = <Text extends { readonly text: string }>(texts: readonly Text[]): Text[] =>
    texts.filter(({ text }) => isLearnable(text));
  const texts = learnt(named(kept(await annotatedTexts(data.annotated, places.data), recipe)));
  const further = (await furtherTexts(data, places)).map((source) => ({
    ...source,
    texts: learnt(source.texts),
  }));
  const all = [...texts, ...further.flatMap((source) => source.texts)];
  const names = {
    intents: [...new Set(all.flatMap(({ intent }) => (intent === null ? [] : [intent])))].toSorted(),
    types: entityTypesOf(texts),
  };
  const unknown = judged.find(({ intent }) => !names.intents.includes(intent));
  if (unknown !== undefined) throw unknownIntent(unknown.intent, data.validation.file);
  const known = judgedLabelled.filter(({ intent }) => names.intents.includes(intent));
  return {
    learning: { texts, further, ...names },
    validation: { texts: [...kept(judged, recipe), ...known], ...names },
    outOfScopeTuning,
    outOfScopeReport,
  };
}

/** All texts with an intent that the model learns from. */
export const learnedTexts = ({ learning }: EntityRecipeData): NumberedText[] =>
  [...learning.texts, ...(learning.further ?? []).flatMap(({ texts }) => texts)].flatMap(
    ({ text, intent }) => (intent === null ? [] : [{ text, label: learning.intents.indexOf(intent) }]),
  );

async function judgedTexts({ data }: EntityRecipe, directory: string): Promise<AnnotatedText[]> {
  const { file, among, language } = data.validation;
  const chosen = among === undefined ? null : new Set((await readTexts(join(directory, among))).map(normal));
  const texts = await readAnnotatedTexts(join(directory, file), language);
  return texts.filter(({ text }) => chosen === null || chosen.has(normal(text)));
}

async function judgedWithoutMarks(
  { data }: EntityRecipe,
  directory: string,
): Promise<{ text: string; intent: string; entities: null }[]> {
  const file = data.validation.labelled;
  if (file === undefined) return [];
  const without = data.labelled.flatMap((source) => source.without);
  return (await readLabelledTexts(join(directory, file)))
    .filter(({ label }) => !without.includes(label))
    .map(({ text, label }) => ({ text, intent: label, entities: null }));
}

const annotatedTexts = async (files: readonly string[], directory: string): Promise<AnnotatedText[]> =>
  (await Promise.all(files.map((file) => readAnnotatedTexts(join(directory, file))))).flat();

/** Texts without the marks of types that the model does not learn. */
const kept = (texts: readonly AnnotatedText[], { entities: { leftOut } }: EntityRecipe): AnnotatedText[] =>
  texts.map((example) => ({
    ...example,
    entities: example.entities.filter(({ type }) => !leftOut.includes(type)),
  }));

const renamer =
  (intents: EntityRecipe['data']['intents']) =>
  (texts: readonly AnnotatedText[]): AnnotatedText[] =>
    texts.flatMap((example) => {
      const intent = Object.hasOwn(intents, example.intent) ? intents[example.intent] : example.intent;
      return typeof intent === 'string' ? [{ ...example, intent }] : [];
    });

type Further = NonNullable<TaggerTexts['further']>[number];

/** The sources whose entities nobody has marked; the sentences of a grammar belong to the recipe, not to the run. */
async function furtherTexts(data: EntityRecipe['data'], places: EntityRecipePlaces): Promise<Further[]> {
  const labelled = data.labelled.map(async (source) =>
    sourceOf(await readLabelledTexts(join(places.data, source.file)), source),
  );
  const written = [
    ...data.grammars.map((source) => ({ source, inScope: true })),
    ...data.outOfScopeGrammars.map((source) => ({ source, inScope: false })),
  ].map(async ({ source, inScope }) => {
    const folder = join(places.recipe, source.folder);
    const lists = join(places.recipe, source.lists);
    const { texts, share } = sourceOf(
      await grammarSentences({ folder, lists, perLabel: source.perLabel, seed: 0 }),
      source,
    );
    return { share, texts: inScope ? texts : texts.map((text) => ({ ...text, intent: null })) };
  });
  return await Promise.all([...labelled, ...written]);
}

function sourceOf(
  texts: readonly { readonly text: string; readonly label: string }[],
  { share, without, unmarked }: FurtherTexts,
): Further {
  const isPlain = (label: string): boolean => unmarked !== true && !unmarked.includes(label);
  return {
    share,
    texts: texts
      .filter(({ label }) => !without.includes(label))
      .map(({ text, label }) => ({ text, intent: label, entities: isPlain(label) ? [] : null })),
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
