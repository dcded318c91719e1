// Owns turning a recipe's files into numbered examples: labels, training, validation, unlabelled and out-of-scope
// texts. Texts that also occur in what judges are removed from everything that is learned from. It never trains.
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import type { NumberedText } from '../bundle/decided-counts.ts';
import { learnableBeside, normal, textsOfFiles } from '../datasets/held-out.ts';
import { type LabelledText, readLabelledTexts } from '../datasets/labelled-texts.ts';
import { grammarSentences } from '../grammar/grammar-corpus.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { Recipe } from './recipe.ts';
import { type ClassifiedTexts, recombinedTexts } from './recombined-texts.ts';

/** A further labelled set with classes of its own, after those of the model. */
export interface AuxiliaryTexts extends ClassifiedTexts {
  readonly from: number;
  readonly count: number;
  readonly share: number;
}

/** Everything that a recipe's data section names. */
export interface RecipeTexts {
  readonly labels: string[];
  readonly training: ClassifiedTexts;
  readonly grammars: ClassifiedTexts;
  readonly auxiliary: readonly AuxiliaryTexts[];
  readonly validation: ClassifiedTexts;
  readonly unlabelled: string[];
  /** Learned from as belonging to no label. */
  readonly outOfScope: string[];
  readonly outOfScopeTuning: string[];
  readonly outOfScopeReport: string[];
}

/** Where a recipe's files are. */
export interface RecipePlaces {
  /** The data directory. */
  readonly data: string;
  /** The directory of the recipe. */
  readonly recipe: string;
}

/** Reads all files of a recipe. @throws NanofleetError TRAINING_SET_INVALID */
export async function readRecipeTexts({ data }: Recipe, places: RecipePlaces): Promise<RecipeTexts> {
  const files = await Promise.all(
    data.labelled.map(async (source) => ({
      source,
      texts: await readLabelledTexts(join(places.data, source.file)),
    })),
  );
  const labels = [...new Set(files[0]?.texts.map(({ label }) => label))].toSorted();
  refuseOneClass(labels, data.labelled[0]?.file ?? '');
  const validation = await readLabelledTexts(join(places.data, data.validation));
  const outOfScopeTuning = await textsOfFiles(data.outOfScopeTuning, places.data);
  const outOfScopeReport = await textsOfFiles(data.outOfScopeReport, places.data);
  const heldOut = await textsOfFiles(data.heldOut, places.recipe);
  const judged = validation.map(({ text }) => text);
  const learnt = learnableBeside([...judged, ...outOfScopeTuning, ...outOfScopeReport, ...heldOut]);
  const training = files
    .flatMap(({ source, texts }) => chosen(texts, source))
    .filter(({ text }) => learnt(text));
  const examples = classified(training, labels);
  const pool = [
    ...(await textsOfFiles(data.unlabelled, places.data)),
    ...recombinedTexts(examples, data.recombined),
  ];
  return {
    labels,
    training: examples,
    grammars: classified(
      (await written(data.grammars, places.recipe)).filter(({ text }) => learnt(text)),
      labels,
    ),
    auxiliary: await auxiliaryTexts(data.auxiliary, { directory: places.data, from: labels.length, learnt }),
    validation: classified(validation, labels),
    unlabelled: distinct(pool).filter(learnt),
    outOfScope: (await written(data.outOfScopeGrammars, places.recipe))
      .map(({ text }) => text)
      .filter(learnt),
    outOfScopeTuning,
    outOfScopeReport,
  };
}

/** Texts beside the numbers of their labels. */
export function* labelled({ texts, labels }: ClassifiedTexts): Iterable<NumberedText> {
  for (const [index, text] of texts.entries()) yield { text, label: labels[index] ?? 0 };
}

/** All texts with one of the model's labels that it learns from. */
export function* learnedTexts({ training, grammars }: RecipeTexts): Iterable<NumberedText> {
  yield* labelled(training);
  yield* labelled(grammars);
}

function refuseOneClass(labels: readonly string[], file: string): void {
  if (labels.length > 1) return;
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `${file} has the one intent ${labels[0] ?? ''}: with nothing to tell apart there is nothing to learn`,
    { facts: { file, line: 0 } },
  );
}

// The sentences belong to the recipe, not to the run: every seed learns from the same ones.
async function written(
  grammars: Recipe['data']['grammars'],
  directory: string,
): Promise<{ text: string; label: string }[]> {
  const corpora = grammars.map(({ folder, lists, perLabel }) =>
    grammarSentences({
      folder: join(directory, folder),
      lists: join(directory, lists),
      perLabel,
      seed: 0,
    }),
  );
  return (await Promise.all(corpora)).flat();
}

async function auxiliaryTexts(
  sets: Recipe['data']['auxiliary'],
  {
    directory,
    from,
    learnt,
  }: { readonly directory: string; readonly from: number; readonly learnt: (text: string) => boolean },
): Promise<AuxiliaryTexts[]> {
  let next = from;
  const found: AuxiliaryTexts[] = [];
  for (const { file, share } of sets) {
    const texts = (await readLabelledTexts(join(directory, file))).filter(({ text }) => learnt(text));
    const labels = [...new Set(texts.map(({ label }) => label))].toSorted();
    const own = classified(texts, labels);
    const start = next;
    found.push({
      texts: own.texts,
      labels: own.labels.map((label) => label + start),
      from: start,
      count: labels.length,
      share,
    });
    next += labels.length;
  }
  return found;
}

function chosen(
  texts: readonly LabelledText[],
  { file, map, perLabelMax }: Recipe['data']['labelled'][number],
): LabelledText[] {
  const kept = perLabelMax === undefined ? [...texts] : sample(texts, perLabelMax, file);
  if (!map) return kept;
  return kept.flatMap((example) => {
    const label = map[example.label];
    return label === undefined ? [] : [{ ...example, label }];
  });
}

// The choice belongs to the recipe, not to the run: every seed learns from the same texts.
function sample(texts: readonly LabelledText[], most: number, file: string): LabelledText[] {
  const order = new SeededRandom(0, 'sample', file).order(texts.length);
  const taken = new Map<string, number>();
  const kept: LabelledText[] = [];
  for (const index of order) {
    const example = texts[index];
    if (!example) continue;
    const count = taken.get(example.label) ?? 0;
    if (count >= most) continue;
    taken.set(example.label, count + 1);
    kept.push(example);
  }
  return kept;
}

function classified(
  examples: readonly Pick<LabelledText, 'text' | 'label'>[],
  labels: readonly string[],
): ClassifiedTexts {
  const numbers = new Map(labels.map((label, index) => [label, index]));
  const classes = examples.map(({ label }) => {
    const number = numbers.get(label);
    if (number === undefined)
      throw new NanofleetError(
        'TRAINING_SET_INVALID',
        `the label ${label} is not one of the ${labels.length} of the first data file`,
        { facts: { label } },
      );
    return number;
  });
  return { texts: examples.map(({ text }) => text), labels: Int32Array.from(classes) };
}

function distinct(texts: readonly string[]): string[] {
  return [...new Map(texts.map((text) => [normal(text), text])).values()];
}
