// Owns training what a recipe asks for: its teachers first, then its towers, each in a directory of its own where a
// killed run goes on. It never makes a bundle.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TextFeatures } from '@nanofleet/runtime';
import { featuresOf, type Recipe, readRecipe } from './recipe.ts';
import { type RecipeTexts, readRecipeTexts } from './recipe-texts.ts';
import type { Tower, TowerShape } from './tower.ts';
import type { LearningTexts } from './tower-batches.ts';
import { towerLogits } from './tower-evaluation.ts';
import { type TrainedTower, type TrainingProgress, trainTower } from './train-tower.ts';

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
  /** Called before each tower; what it returns is told of the tower's progress. */
  progress(tower: { readonly recipe: string; readonly seed: number }): TrainingProgress;
}

/** What training gives. */
export interface TrainedRecipe {
  readonly recipe: Recipe;
  readonly texts: RecipeTexts;
  readonly towers: readonly TrainedTower[];
}

/** Trains the towers of a recipe, and before them every teacher that it names and that is not there yet. */
export async function trainRecipe(run: RecipeRun): Promise<TrainedRecipe> {
  const recipe = await readRecipe(run.recipePath);
  const texts = await readRecipeTexts(recipe, run.data);
  const seeds = Array.from({ length: recipe.network.towers }, (_, index) => run.seed + index);
  const learning = once(async () => await learningTexts(recipe, texts, run));
  return { recipe, texts, towers: await trainSeeds({ run, recipe, texts, learning, seeds }) };
}

async function learningTexts(
  { distillation }: Recipe,
  { training, unlabelled, labels }: RecipeTexts,
  run: RecipeRun,
): Promise<LearningTexts> {
  if (!distillation) return training;
  const texts = [...training.texts, ...unlabelled];
  const sum = new Float32Array(texts.length * labels.length);
  let members = 0;
  for (const { recipe, seeds } of distillation.teachers) {
    for (const teacher of await trainTeachers(join(dirname(run.recipePath), recipe), seeds, run)) {
      const features = new TextFeatures(teacher.shape.features);
      const logits = await towerLogits(
        teacher,
        texts.map((text) => features.of(text).rows),
      );
      logits.forEach((logit, at) => (sum[at] = (sum[at] ?? 0) + logit));
      members += 1;
    }
  }
  return { texts, labels: training.labels, teacherLogits: sum.map((logit) => logit / members) };
}

async function trainTeachers(recipePath: string, seeds: readonly number[], run: RecipeRun): Promise<Tower[]> {
  const recipe = await readRecipe(recipePath);
  const own = { ...run, recipePath, out: join(run.teachers, recipe.name) };
  const texts = await readRecipeTexts(recipe, run.data);
  const learning = once(async () => await learningTexts(recipe, texts, own));
  return (await trainSeeds({ run: own, recipe, texts, learning, seeds })).map(({ tower }) => tower);
}

interface Seeds {
  readonly run: RecipeRun;
  readonly recipe: Recipe;
  readonly texts: RecipeTexts;
  readonly learning: () => Promise<LearningTexts>;
  readonly seeds: readonly number[];
}

async function trainSeeds({ run, recipe, texts, learning, seeds }: Seeds): Promise<TrainedTower[]> {
  const towers: TrainedTower[] = [];
  const { width, hidden } = recipe.network;
  const shape: TowerShape = { features: featuresOf(recipe), width, hidden, classes: texts.labels.length };
  for (const seed of seeds) {
    const directory = join(run.out, `tower-${seed}`);
    await mkdir(directory, { recursive: true });
    const progress = run.progress({ recipe: recipe.name, seed });
    const distillation = recipe.distillation ? { distillation: recipe.distillation } : {};
    towers.push(
      await trainTower({
        shape,
        seed,
        training: recipe.training,
        ...distillation,
        learning,
        validation: texts.validation,
        directory,
        progress,
      }),
    );
  }
  return towers;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return async () => await (made ??= make());
}
