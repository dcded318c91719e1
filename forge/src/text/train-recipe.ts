// Owns training what a recipe asks for: its teachers first, then its networks, each in a directory of its own where a
// killed run goes on. It never makes a bundle.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Network, type TrainedNetwork, trainNetwork } from './networks.ts';
import { learnsAuxiliary, type Recipe, readRecipe } from './recipe.ts';
import { type RecipeTexts, readRecipeTexts } from './recipe-texts.ts';
import { type Teacher, teacherLogits } from './teacher-logits.ts';
import type { TextSource } from './text-sources.ts';
import type { TrainingProgress } from './train-tower.ts';

/** Where things are and who is told. */
export interface RecipeRun {
  readonly recipePath: string;
  /** Data directory. */
  readonly data: string;
  /** Run directory of this recipe. */
  readonly out: string;
  /** Directory with one run directory for each teacher recipe, by its name. */
  readonly teachers: string;
  readonly seed: number;
  /** Called before each network; what it returns is told of the network's progress. */
  progress(network: { readonly recipe: string; readonly seed: number }): TrainingProgress;
}

/** What training gives. */
export interface TrainedRecipe {
  readonly recipe: Recipe;
  readonly texts: RecipeTexts;
  readonly networks: readonly TrainedNetwork[];
}

/** Trains the networks of a recipe, and before them every teacher that it names and that is not there yet. */
export async function trainRecipe(run: RecipeRun): Promise<TrainedRecipe> {
  const recipe = await readRecipe(run.recipePath);
  const count = recipe.network.kind === 'bag' ? recipe.network.towers : 1;
  return await trainSeeds(
    run,
    Array.from({ length: count }, (_, index) => run.seed + index),
  );
}

async function trainSeeds(run: RecipeRun, seeds: readonly number[]): Promise<TrainedRecipe> {
  const recipe = await readRecipe(run.recipePath);
  const texts = await readRecipeTexts(recipe, { data: run.data, recipe: dirname(run.recipePath) });
  const learning = once(async () => await learningSources(recipe, texts, run));
  const networks: TrainedNetwork[] = [];
  for (const seed of seeds) {
    const directory = join(run.out, `network-${seed}`);
    await mkdir(directory, { recursive: true });
    networks.push(
      await trainNetwork({
        recipe,
        seed,
        labels: texts.labels.length,
        classes: texts.auxiliary.reduce((sum, { count }) => sum + count, texts.labels.length),
        stepsPerEpoch: recipe.training.stepsPerEpoch || shownOnce(recipe, texts),
        learning,
        validation: texts.validation,
        directory,
        progress: run.progress({ recipe: recipe.name, seed }),
      }),
    );
  }
  return { recipe, texts, networks };
}

const shownOnce = ({ training }: Recipe, texts: RecipeTexts): number =>
  Math.ceil(texts.training.texts.length / training.batchSize);

async function learningSources(recipe: Recipe, texts: RecipeTexts, run: RecipeRun): Promise<TextSource[]> {
  const { shares } = recipe.training;
  const task = { from: 0, count: texts.labels.length };
  const own: TextSource[] = [
    { ...texts.training, task, share: shares.labelled },
    { ...texts.grammars, task, share: shares.grammars },
    { texts: texts.outOfScope, outOfScope: true, task, share: shares.outOfScope },
    { texts: texts.unlabelled, task, share: shares.unlabelled },
  ];
  const teachers = recipe.distillation ? await trainTeachers(recipe.distillation, run) : [];
  const taught =
    teachers.length === 0 ? own : await Promise.all(own.map((source) => withTeacher(source, teachers, run)));
  if (!learnsAuxiliary(recipe.network)) return taught;
  const auxiliary = texts.auxiliary.map(({ from, count, ...rest }) => ({ ...rest, task: { from, count } }));
  return [...taught, ...auxiliary];
}

async function withTeacher(
  source: TextSource,
  teachers: readonly Teacher[],
  run: RecipeRun,
): Promise<TextSource> {
  if (source.outOfScope || source.texts.length === 0) return source;
  return { ...source, teacher: await teacherLogits(teachers, source.texts, run.teachers) };
}

async function trainTeachers(
  { teachers }: NonNullable<Recipe['distillation']>,
  run: RecipeRun,
): Promise<Teacher[]> {
  const found: Teacher[] = [];
  for (const { recipe, seeds } of teachers) {
    const recipePath = join(dirname(run.recipePath), recipe);
    const { name } = await readRecipe(recipePath);
    const own = { ...run, recipePath, out: join(run.teachers, name) };
    for (const [at, { network }] of (await trainSeeds(own, seeds)).networks.entries())
      found.push({ name: `${name}/${seeds[at] ?? 0}`, network });
  }
  return found;
}

/** Networks for a bundle: those that devices can run. */
export function towersOf(networks: readonly TrainedNetwork[]): Extract<Network, { kind: 'bag' }>['tower'][] {
  return networks.flatMap(({ network }) => (network.kind === 'bag' ? [network.tower] : []));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return async () => await (made ??= make());
}
