// Owns a whole run of a recipe that finds entities: data, teachers, training, bundle, figures. A killed run that is started
// again goes on after its last whole epoch. It never decides what a network is.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CommandWorld, RecipeArguments } from '../command/command.ts';
import { type MadeEntityBundle, makeEntityBundle } from './make-bundle.ts';
import { type EntityRecipe, readEntityRecipe } from './recipe.ts';
import { type EntityRecipeData, readEntityData } from './recipe-texts.ts';
import type { TaggerShape } from './tagger.ts';
import { type TaggerProgress, trainTagger } from './train-tagger.ts';

/** Runs a recipe; progress is told to `world`. @throws NanofleetError TRAINING_SET_INVALID */
export async function runEntityRecipe(run: RecipeArguments, world: CommandWorld): Promise<MadeEntityBundle> {
  const recipe = await readEntityRecipe(run.recipePath);
  const data = await readEntityData(recipe, { data: run.data, recipe: dirname(run.recipePath) });
  const shape = shapeOf(recipe, data);
  const directory = join(run.out, `tagger-${run.seed}`);
  await mkdir(directory, { recursive: true });
  const { tagger } = await trainTagger({
    shape,
    seed: run.seed,
    training: recipe.training,
    learning: data.learning,
    validation: data.validation,
    directory,
    progress: progressOf(`${recipe.name} seed ${run.seed}`, world),
  });
  return await makeEntityBundle({
    recipe,
    recipeDirectory: dirname(run.recipePath),
    seed: run.seed,
    data,
    tagger,
    directory: join(run.out, 'bundle'),
    nowMs: world.nowMs,
  });
}

/** The network of a recipe over its data. */
function shapeOf({ network, entities }: EntityRecipe, { learning }: EntityRecipeData): TaggerShape {
  const { kind: _, width, hidden, channels, convolutions, ...features } = network;
  return {
    features: { kind: 'hashed-ngrams-1', lowerCase: true, ...features },
    width,
    hidden,
    channels,
    convolutions,
    classes: learning.intents.length,
    types: learning.types.length,
    learnsOrder: entities.transitions === 'learned',
  };
}

function progressOf(name: string, world: CommandWorld): TaggerProgress {
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  return ({ epoch, epochs, loss, score, best }) =>
    world.note(
      `${name} epoch ${epoch}/${epochs} loss ${loss.toFixed(4)} intents ${percent(score.intents)} span F1 ${percent(score.spans.f1)} best ${percent(best)}`,
    );
}
