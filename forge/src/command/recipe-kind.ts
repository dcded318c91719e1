// Owns telling which pipeline a recipe is for. It never checks the rest of a recipe.
import { z } from 'zod';
import { readRecipeFile } from '../recipe-file.ts';

/** The pipelines. */
export type RecipeKind = 'text' | 'entities' | 'sensor';

const headSchema = z.looseObject({ task: z.string().optional(), entities: z.unknown().optional() });

/** The kind of a recipe. @throws NanofleetError TRAINING_SET_INVALID if the file cannot be read */
export async function kindOfRecipe(path: string): Promise<RecipeKind> {
  const { task, entities } = await readRecipeFile(path, headSchema);
  if (task === 'sensor-event') return 'sensor';
  return entities === undefined ? 'text' : 'entities';
}
