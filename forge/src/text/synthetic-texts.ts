// Owns a tiny made-up data set with its recipe, for tests: four intents of made sentences, and out-of-scope ones.
// It is never part of a bundle that ships.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SeededRandom } from '../seeded-random.ts';

const PHRASES: Readonly<Record<string, readonly string[]>> = {
  light: ['turn the lamp on', 'switch the light off', 'make the lamp brighter', 'dim the lights'],
  music: ['play a song', 'put some jazz on', 'i want to hear music', 'start my playlist'],
  timer: ['set a timer', 'count down from ten', 'start the egg timer', 'wake me in an hour'],
  weather: ['will it rain', 'how warm is it outside', 'is it sunny', 'tell me the forecast'],
  oos: ['who painted this fence', 'buy a ferry', 'the dog sleeps', 'compare two novels'],
};
const FILLERS = ['please', 'now', 'for me', 'right away', 'today', 'okay', 'again', 'if you can'];

/** A directory with the files of the synthetic set. */
export interface SyntheticTexts {
  readonly directory: string;
  readonly recipe: string;
}

/** Writes the set and a recipe into `directory`; `changes` replace sections of the recipe. */
export async function writeSyntheticTexts(
  directory: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<SyntheticTexts> {
  await mkdir(directory, { recursive: true });
  for (const [file, count, oos] of [
    ['train', 24, false],
    ['validation', 8, false],
    ['oos', 12, true],
  ] as const) {
    await writeFile(join(directory, `${file}.jsonl`), lines({ file, count, oos }).join('\n'));
  }
  const recipe = join(directory, 'recipe.json');
  await writeFile(recipe, JSON.stringify({ ...RECIPE, ...changes }));
  return { directory, recipe };
}

const RECIPE = {
  task: 'text-intent',
  name: 'synthetic',
  network: { kind: 'bag', buckets: 512, charMin: 2, charMax: 3, width: 16, hidden: 16 },
  training: { epochs: 8, batchSize: 16, warmUpSteps: 5, learningRate: 0.02, dropout: 0.1, patience: 8 },
  data: {
    labelled: [{ file: 'train.jsonl' }],
    validation: 'validation.jsonl',
    outOfScopeTuning: ['oos.jsonl'],
    outOfScopeReport: ['oos.jsonl'],
  },
  bundle: {
    line: 'intent',
    version: '0.0.1',
    releaseCounter: 1,
    dataset: 'synthetic',
    license: 'Apache-2.0',
    about: 'Made for a test.',
  },
};

function lines({
  file,
  count,
  oos,
}: {
  readonly file: string;
  readonly count: number;
  readonly oos: boolean;
}): string[] {
  const random = new SeededRandom(7, file);
  const pick = (from: readonly string[]): string => from[random.below(from.length)] ?? '';
  return Object.entries(PHRASES).flatMap(([intent, phrases]) => {
    if ((intent === 'oos') !== oos) return [];
    return Array.from({ length: count }, () =>
      JSON.stringify({ text: `${pick(FILLERS)} ${pick(phrases)} ${pick(FILLERS)}`, intent }),
    );
  });
}
