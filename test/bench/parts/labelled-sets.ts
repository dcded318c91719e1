// Finds the labelled sets of a data directory: which files are splits to judge with, and what their lines say. It never
// looks at training splits but for which intents a set has.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MarkedEntity } from '@nanofleet/forge';
import { z } from 'zod';

/** One text with what is right. */
export interface JudgedText {
  readonly text: string;
  readonly intent: string;
  /** Absent where the set marks no entities. */
  readonly entities?: readonly MarkedEntity[];
}

/** A split to judge with. */
export interface LabelledSplit {
  readonly set: string;
  readonly split: string;
  readonly inScope: readonly JudgedText[];
  readonly outOfScope: readonly string[];
}

/** `val`, `valid` and `test`; home-assistant's hand-written sentences are a split to judge with, too, for they train nothing. */
const SPLIT = /^(val|valid|test|tests|sentences)\.jsonl$/;

const lineSchema = z.object({
  text: z.string().min(1),
  intent: z.string().min(1),
  lang: z.string().optional(),
  slots: z.unknown().optional(),
});
const slotsSchema = z.array(z.tuple([z.int(), z.int(), z.string()]));

/** Every split of every set that is found, in order of their names. */
export async function labelledSplits(directory: string): Promise<LabelledSplit[]> {
  const found: LabelledSplit[] = [];
  for (const set of (await readdir(directory, { withFileTypes: true })).toSorted(byName)) {
    if (!set.isDirectory()) continue;
    for (const file of (await readdir(join(directory, set.name))).toSorted()) {
      const split = SPLIT.exec(file)?.[1];
      if (split !== undefined) found.push(await splitOf(join(directory, set.name), { set: set.name, split }));
    }
  }
  return found;
}

const byName = (left: { readonly name: string }, right: { readonly name: string }): number =>
  left.name < right.name ? -1 : 1;

async function splitOf(
  folder: string,
  { set, split }: { readonly set: string; readonly split: string },
): Promise<LabelledSplit> {
  const outOfScope = join(folder, `oos_${split}.jsonl`);
  return {
    set,
    split,
    inScope: await textsOf(join(folder, `${split}.jsonl`)),
    outOfScope: existsSync(outOfScope) ? (await textsOf(outOfScope)).map(({ text }) => text) : [],
  };
}

// Models here read English: lines of other languages are not theirs to judge.
async function textsOf(path: string): Promise<JudgedText[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  return lines.flatMap((line) => {
    const { text, intent, lang, slots } = lineSchema.parse(JSON.parse(line));
    if (lang !== undefined && lang !== 'en') return [];
    const marked = slotsSchema.safeParse(slots);
    return [{ text, intent, ...(marked.success ? { entities: marked.data.map(entityOf) } : {}) }];
  });
}

const entityOf = ([start, end, type]: [number, number, string]): MarkedEntity => ({ start, end, type });
