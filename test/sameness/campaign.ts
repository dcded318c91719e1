// One campaign: the same questions to the same bundles on each platform, compared with the first one. Prepares files in a folder of its
// own, runs one process a platform, judges nothing.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toNanofleetError } from '@nanofleet/protocol';
import { type CheckedBundle, inspectBundle } from '@nanofleet/runtime/node';
import type { Task, TaskItem } from './answer-worker.ts';
import type { Answer, AnswerPair } from './answers.ts';
import type { Platform } from './platforms.ts';
import { type Draw, goldenOf, questionsOf } from './questions.ts';
import { stretchedGraph } from './stretched.ts';

const run = promisify(execFile);
const WORKER = join(import.meta.dirname, 'answer-worker.js');
const WITHIN_MS = 1_800_000;

/** A bundle with its questions. */
export interface Asked {
  readonly name: string;
  readonly bundle: CheckedBundle;
  /** The bundle itself, then its golden inputs to the graph whose weights are stretched to eight bits. */
  readonly items: readonly [TaskItem, TaskItem];
}

/** Bundles of a folder with their questions. @param scratch where the stretched graphs are written */
export async function prepare(
  { bundles, scratch }: { readonly bundles: string; readonly scratch: string },
  draw: Draw,
): Promise<Asked[]> {
  const names = (await readdir(bundles)).filter((name) => existsSync(join(bundles, name, 'manifest.json')));
  const asked: Asked[] = [];
  for (const name of names.toSorted()) {
    const bundle = await inspectBundle(join(bundles, name));
    const questions = questionsOf(bundle, draw);
    const graph = join(scratch, `${name}.stretched.onnx`);
    await writeFile(graph, stretchedGraph(bundle));
    const whole = { bundle: join(bundles, name), questions };
    const golden = questions.slice(0, goldenOf(bundle).cases.length);
    asked.push({ name, bundle, items: [whole, { ...whole, graph, questions: golden }] });
  }
  return asked;
}

/** What a platform answered, bundle by bundle; or why there is nothing. */
export type Answered =
  | { readonly rows: readonly AnswerPair[] }
  | { readonly skipped: string }
  | { readonly fault: string };

/** Asks everything on a platform, in one process. */
export async function askOn(
  platform: Platform,
  { asked, cache, scratch }: { asked: readonly Asked[]; cache: string; scratch: string },
): Promise<Answered> {
  const launch = await platform.launch(cache);
  if ('missing' in launch) return { skipped: launch.missing };
  const [path, answers] = ['task', 'answers'].map((name) => join(scratch, `${platform.name}.${name}.json`));
  const task: Task = {
    engine: platform.engine,
    items: asked.flatMap(({ items }) => items),
    answers: answers ?? '',
  };
  await writeFile(path ?? '', JSON.stringify(task));
  try {
    await run(launch.command, [...launch.args, WORKER, path ?? ''], { timeout: WITHIN_MS });
    const flat = JSON.parse(await readFile(answers ?? '', 'utf8')) as Answer[][];
    return { rows: asked.map((_, at) => [flat[2 * at] ?? [], flat[2 * at + 1] ?? []]) };
  } catch (thrown) {
    // The end: what an emulator warns of comes first.
    return { fault: toNanofleetError(thrown).message.slice(-600) };
  }
}
