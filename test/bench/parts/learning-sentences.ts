// Sentences of the bench `learn`: the parts of the corpus, CLINC150's validation data, and everything in a folder of
// data sets that a sentence of the corpus must not be. Reads files, knows nothing of models.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

/** A sentence with the label that is right, `oos` for none, and on devices the home that says it. */
export interface Said {
  readonly text: string;
  readonly intent: string;
  readonly home?: number | undefined;
}

const saidSchema = z.object({ text: z.string(), intent: z.string(), home: z.int().optional() });

/** Sentences of a JSONL file. */
export async function readSaid(path: string): Promise<Said[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => saidSchema.parse(JSON.parse(line)));
}

/** How sentences are compared: lower case, letters and digits only. */
export function normalised(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/['’]/g, '')
      .match(/[a-z0-9]+/g) ?? []
  ).join(' ');
}

/** Everything that the text files below a folder say, normalised; strings of JSONL records and whole lines of `.txt`. */
export async function sentencesBelow(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sentences = new Set<string>();
  for (const entry of entries) {
    if (!entry.isFile() || !/\.(jsonl|txt)(\.gz)?$/.test(entry.name)) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    const content = (entry.name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    const isJson = entry.name.includes('.jsonl');
    for (const line of content.split('\n'))
      for (const text of isJson ? stringsOf(line) : [line]) sentences.add(normalised(text));
  }
  sentences.delete('');
  return sentences;
}

const recordSchema = z.record(z.string(), z.unknown());

function stringsOf(line: string): string[] {
  if (line === '') return [];
  const record = recordSchema.parse(JSON.parse(line));
  return Object.values(record).filter((value) => typeof value === 'string');
}
