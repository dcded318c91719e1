// Owns a whole run of a recipe for sensor events: recordings, cross-validation, training on all, bundle, figures. Runs take minutes,
// so a killed one begins again. It never decides what a network is.
import { join } from 'node:path';
import type { CommandWorld, RecipeArguments } from '../command/command.ts';
import { crossValidate, learnable, trainModel } from './cross-validation.ts';
import { type MadeSensorBundle, makeSensorBundle } from './make-bundle.ts';
import { readSensorRecipe } from './recipe.ts';
import { readRecordings } from './recordings.ts';
import { windowsOf } from './windows.ts';

/** Runs a recipe; progress is told to `world`. @throws NanofleetError TRAINING_SET_INVALID */
export async function runSensorRecipe(run: RecipeArguments, world: CommandWorld): Promise<MadeSensorBundle> {
  const { seed, out } = run;
  const recipe = await readSensorRecipe(run.recipePath);
  const recordings = await readRecordings(recipe, join(run.data, recipe.data.file));
  const windows = windowsOf(recordings, recipe);
  const experiment = {
    recipe,
    channels: recordings.channels.length,
    seed,
    progress: ({ fold, epoch, loss }: { fold: number | null; epoch: number; loss: number }) =>
      world.note(
        `${recipe.name} seed ${seed} ${fold === null ? 'all' : `fold ${fold}/${recipe.folds}`} epoch ${epoch}/${recipe.training.epochs} loss ${loss.toFixed(4)}`,
      ),
  };
  const judged = await crossValidate(experiment, windows);
  const model = await trainModel(experiment, { windows: learnable(windows, recipe), fold: null });
  return await makeSensorBundle({
    recipe,
    recordings,
    windows,
    model,
    judged,
    seed,
    directory: join(out, 'bundle'),
    nowMs: world.nowMs,
  });
}
