// Owns turning a recipe's files into numbered examples: labels, training, validation, unlabelled and out-of-scope
// texts. Texts that also occur in validation are removed from everything that is learned from. It never trains.
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { type LabelledText, readLabelledTexts, readTexts } from '../datasets/labelled-texts.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { Recipe } from './recipe.ts';
import { type ClassifiedTexts, recombinedTexts } from './recombined-texts.ts';

/** Everything that a recipe's data section names. */
export interface RecipeTexts {
  readonly labels: string[];
  readonly training: ClassifiedTexts;
  readonly validation: ClassifiedTexts;
  readonly unlabelled: string[];
  readonly outOfScopeTuning: string[];
  readonly outOfScopeReport: string[];
}

/** Reads all files of a recipe. @throws NanofleetError TRAINING_SET_INVALID */
export async function readRecipeTexts(
  { data, distillation }: Recipe,
  directory: string,
): Promise<RecipeTexts> {
  const files = await Promise.all(
    data.labelled.map(async (source) => ({
      source,
      texts: await readLabelledTexts(join(directory, source.file)),
    })),
  );
  const labels = [...new Set(files[0]?.texts.map(({ label }) => label))].toSorted();
  const validation = await readLabelledTexts(join(directory, data.validation));
  const outOfScopeReport = await textsOf(data.outOfScopeReport, directory);
  const held = new Set([...validation.map(({ text }) => text), ...outOfScopeReport].map(normal));
  const training = files
    .flatMap(({ source, texts }) => chosen(texts, source))
    .filter(({ text }) => !held.has(normal(text)));
  const examples = classified(training, labels);
  const pool = distillation
    ? [
        ...(await textsOf(distillation.unlabelled, directory)),
        ...recombinedTexts(examples, distillation.recombined),
      ]
    : [];
  return {
    labels,
    training: examples,
    validation: classified(validation, labels),
    unlabelled: distinct(pool).filter((text) => !held.has(normal(text))),
    outOfScopeTuning: await textsOf(data.outOfScopeTuning, directory),
    outOfScopeReport,
  };
}

/** Lower case, letters and digits only: two texts that a listener would call the same. */
export function normal(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

async function textsOf(files: readonly string[], directory: string): Promise<string[]> {
  return (await Promise.all(files.map((file) => readTexts(join(directory, file))))).flat();
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

function classified(examples: readonly LabelledText[], labels: readonly string[]): ClassifiedTexts {
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
