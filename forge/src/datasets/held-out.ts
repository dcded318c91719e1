// Owns which texts training leaves out: those that a model is judged with, however they are spelt. It never chooses what
// judges.
import { join } from 'node:path';
import { z } from 'zod';
import { readTexts } from './labelled-texts.ts';

/** Files, relative to the recipe, whose texts training leaves out beside those that the recipe judges with: what others will judge the model with. */
export const heldOutSchema = z.array(z.string().min(1)).default([]);

/** Lower case, letters and digits only: two texts that a listener would call the same. */
export function normal(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
}

/** Tells of a text whether it may be learned from: whether none of `judging` says the same. */
export function learnableBeside(judging: Iterable<string>): (text: string) => boolean {
  const held = new Set(Array.from(judging, normal));
  return (text) => !held.has(normal(text));
}

/** The texts of files of a directory, in one list. @throws NanofleetError TRAINING_SET_INVALID */
export async function textsOfFiles(files: readonly string[], directory: string): Promise<string[]> {
  return (await Promise.all(files.map((file) => readTexts(join(directory, file))))).flat();
}
