// Owns reading recipes: JSON that may extend another recipe, checked by the schema of its kind. It never knows what a field means.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

/** The name of a recipe. */
export const recipeNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower-case words joined by -');

/** Reads a recipe of a kind. @throws NanofleetError TRAINING_SET_INVALID naming file and field */
export async function readRecipeFile<Content>(path: string, schema: z.ZodType<Content>): Promise<Content> {
  const parsed = schema.safeParse(await inherited(path));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `${path}: ${issue?.path.join('.') || 'the recipe'}: ${issue?.message ?? 'not a recipe'}`,
    {
      cause: parsed.error,
      facts: { file: path },
    },
  );
}

const extendingSchema = z.looseObject({ extends: z.string().optional() });
/** Recipes that extend recipes that extend recipes: deeper is a circle. */
const EXTENDS_MAX = 4;

/** Sections that a recipe does not have come from the file that its `extends` names; files are named relative to the recipe read first. */
async function inherited(path: string, depth = 0): Promise<unknown> {
  const parsed = extendingSchema.safeParse(await readJson(path));
  if (!parsed.success || parsed.data.extends === undefined) return parsed.data;
  if (depth === EXTENDS_MAX)
    throw new NanofleetError('TRAINING_SET_INVALID', `${path} extends more than ${EXTENDS_MAX} recipes`);
  const { extends: base, ...own } = parsed.data;
  const sections = extendingSchema.safeParse(await inherited(join(dirname(path), base), depth + 1));
  return { ...sections.data, ...own };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NanofleetError('TRAINING_SET_INVALID', `could not read the recipe ${path}: ${reason}`, {
      cause,
      facts: { file: path },
    });
  }
}
