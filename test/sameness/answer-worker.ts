// A process of its own that answers questions with a bundle, on whatever machine Node runs on: native or emulated. Reads its task from the
// file that its first argument names, writes the answers into the file that the task names.
import { readFile, writeFile } from 'node:fs/promises';
import { inspectBundle } from '@nanofleet/runtime/node';
import { type Answer, answersOf } from './answers.ts';
import { ENGINES, type EngineName } from './engines.ts';
import type { Question } from './questions.ts';

/** A bundle, or another graph in its place, with what it is asked. */
export interface TaskItem {
  readonly bundle: string;
  /** Path of a graph that takes the place of the bundle's own. */
  readonly graph?: string;
  readonly questions: readonly Question[];
}

/** What a process is to do. */
export interface Task {
  readonly engine: EngineName;
  readonly items: readonly TaskItem[];
  /** Path of the file that gets `Answer[][]`: one row an item. */
  readonly answers: string;
}

async function main(path: string): Promise<void> {
  const { answers, engine, items } = JSON.parse(await readFile(path, 'utf8')) as Task;
  const rows: Answer[][] = [];
  for (const { bundle, graph, questions } of items) {
    const checked = await inspectBundle(bundle);
    const bytes = graph === undefined ? checked.files.get('infer.int8') : await readFile(graph);
    const asked = { graph: bytes ?? new Uint8Array(), open: ENGINES[engine], questions };
    rows.push(await answersOf(checked, asked));
  }
  await writeFile(answers, JSON.stringify(rows));
}

const { argv } = process;
await main(argv[2] ?? '');
