// Owns telling which pipeline a recipe is for. It never checks the rest of a recipe.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** The pipelines. */
export type RecipeKind = 'text' | 'entities' | 'sensor';

const headSchema = z.looseObject({ task: z.string().optional(), entities: z.unknown().optional() });

/** The kind of a recipe. One that cannot be read counts as text: the reader of that kind complains with file and reason. */
export async function kindOfRecipe(path: string): Promise<RecipeKind> {
  const head = headSchema.safeParse(
    await readFile(path, 'utf8').then(
      (text) => parsed(text),
      () => null,
    ),
  );
  if (!head.success) return 'text';
  if (head.data.task === 'sensor-event') return 'sensor';
  return head.data.entities === undefined ? 'text' : 'entities';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
