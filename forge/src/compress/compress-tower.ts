// Owns going through the steps of a recipe's compression and measuring after each. It never trains the network itself.
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import type { Recipe } from '../text/recipe.ts';
import type { RecipeTexts } from '../text/recipe-texts.ts';
import type { TextSource } from '../text/text-sources.ts';
import type { Tower } from '../text/tower.ts';
import { writeAtomically } from '../train/array-file.ts';
import { type CompressedModel, type ModelFiles, modelFiles } from './compressed-model.ts';
import { stepName } from './compression-settings.ts';
import { compress, type StepResult } from './compression-step.ts';
import { type Measured, measureAnswers, measureMemory, measureTimes } from './measure.ts';

/** File of a run directory with the measured steps. */
export const COMPRESSION_FILE = 'compression.json';

/** A model after some steps, with what was measured of it. */
export interface MeasuredSteps extends Measured {
  /** Names of the steps since the network was trained. */
  readonly steps: readonly string[];
}

/** What compression needs. */
export interface Compressing {
  readonly recipe: Recipe;
  readonly texts: RecipeTexts;
  readonly towers: readonly Tower[];
  /** Seed, and the run directory. */
  readonly run: { readonly seed: number; readonly out: string };
  readonly nowMs: () => number;
  readonly note: (line: string) => void;
}

const LATENCY_TEXTS = 1000;

/** What compression leaves: towers with the values that their codes stand for, and the files of these codes. */
export interface Compressed {
  readonly towers: readonly Tower[];
  /** Absent without steps. */
  readonly files?: ModelFiles;
}

/**
 * Does every step of the recipe, writes RUN/compression.json and resolves to what the last step left; without steps to the towers as they are.
 * @throws NanofleetError TRAINING_SET_INVALID for a recipe of several towers
 */
export async function compressedTowers(compressing: Compressing): Promise<Compressed> {
  const { recipe, run, towers } = compressing;
  if (recipe.compression.length === 0) return { towers };
  const [tower] = towers;
  if (tower === undefined || towers.length > 1)
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `recipe ${recipe.name} has a section "compression", which needs a bag network of one tower`,
    );
  const made = await allSteps(compressing, tower);
  const models = await measuredAll(made, compressing);
  const written = { recipe: recipe.name, seed: run.seed, models };
  await writeAtomically(
    join(run.out, COMPRESSION_FILE),
    Buffer.from(`${JSON.stringify(written, null, 2)}\n`),
  );
  return { towers: [made.last.tower], files: modelFiles(made.last) };
}

interface MadeModel {
  readonly steps: readonly string[];
  readonly files: ModelFiles;
}

interface MadeModels {
  readonly models: readonly MadeModel[];
  readonly last: CompressedModel;
}

async function allSteps({ recipe, texts, run, note }: Compressing, tower: Tower): Promise<MadeModels> {
  const how = {
    seed: run.seed,
    training: recipe.training,
    sources: sourcesOf(texts, recipe),
    stepsPerEpoch: Math.ceil(texts.training.texts.length / recipe.training.batchSize),
  };
  const trained: StepResult = { model: { tower, forms: {} } };
  const models: MadeModel[] = [{ steps: [], files: modelFiles(trained.model) }];
  let now = trained;
  let steps: string[] = [];
  for (const step of recipe.compression) {
    now = step.step === 'trained' ? trained : await compress(now, step, how);
    steps = step.step === 'trained' ? [] : [...steps, stepName(step)];
    if (steps.length === 0) continue;
    models.push({ steps, files: modelFiles(now.model) });
    note(`done: ${steps.join(' + ')}`);
  }
  return { models, last: now.model };
}

async function measuredAll(
  { models }: MadeModels,
  { texts, nowMs, note }: Compressing,
): Promise<MeasuredSteps[]> {
  const times = await measureTimes(
    models.map(({ files }) => files),
    { texts: texts.validation.texts.slice(0, LATENCY_TEXTS), nowMs },
  );
  const measured: MeasuredSteps[] = [];
  for (const [at, { steps, files }] of models.entries()) {
    const answers = await measureAnswers(files, texts);
    const rssBytes = await measureMemory(files);
    measured.push({ steps, ...answers, microseconds: times[at] ?? 0, rssBytes });
    note(`measured: ${steps.join(' + ') || 'as trained'}, ${(answers.accuracy * 100).toFixed(2)} %`);
  }
  return measured;
}

/** Labelled texts, grammars and texts out of scope; a teacher is not asked again. */
function sourcesOf(texts: RecipeTexts, { training: { shares } }: Recipe): TextSource[] {
  const task = { from: 0, count: texts.labels.length };
  return [
    { ...texts.training, task, share: shares.labelled },
    { ...texts.grammars, task, share: shares.grammars },
    { texts: texts.outOfScope, outOfScope: true, task, share: shares.outOfScope },
  ];
}
