/**
 * The sentences with which homes teach their devices and the fleet is judged (corpus/). Owns reading and checking the
 * files; never decides anything.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';
import { CLONE } from '../layout.ts';

const spokenSchema = z.object({
  text: z.string(),
  intent: z.string(),
  home: z.int().min(1).max(4).optional(),
});
/** One sentence of the corpus. */
export type Spoken = z.infer<typeof spokenSchema>;

/** The file of a part of the corpus. */
export const corpusFile = (part: 'devices' | 'controller' | 'test'): string =>
  join(CLONE.corpus, `${part}.jsonl`);

/** Reads a part. @throws NanofleetError TRAINING_SET_INVALID */
export async function readCorpus(part: 'devices' | 'test'): Promise<Spoken[]> {
  const path = corpusFile(part);
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  const parsed = z.array(spokenSchema).safeParse(lines.map((line): unknown => JSON.parse(line)));
  if (parsed.success) return parsed.data;
  throw new NanofleetError('TRAINING_SET_INVALID', `${path} is not {"text", "intent", "home"} a line.`);
}
