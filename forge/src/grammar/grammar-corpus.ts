// Owns turning folders of grammars into labelled sentences: `corpus/grammars/SET/LABEL.txt` with the lists of `corpus/lists`.
// The same seed gives the same sentences; labels give about as many each, however many templates they have. It never trains.
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { SeededRandom } from '../seeded-random.ts';
import { drawSentence, type Lists, type Place, parseTemplate, type Template } from './grammar.ts';

/** Draws from a template that give nothing new before it counts as exhausted. */
const VAIN_DRAWS_MAX = 6;
const SUFFIX = '.txt';

/** A sentence with the label that its file is named after. */
export interface GrammarSentence {
  readonly text: string;
  readonly label: string;
}

/** Which sentences: `folder` holds LABEL.txt files, `lists` the word lists. */
export interface GrammarCorpus {
  readonly folder: string;
  readonly lists: string;
  /** Sentences of one label, spread evenly over its templates; each gives at least one. */
  readonly perLabel: number;
  readonly seed: number;
}

/** Distinct sentences of every label. @throws NanofleetError TRAINING_SET_INVALID naming file and line */
export async function grammarSentences(corpus: GrammarCorpus): Promise<GrammarSentence[]> {
  const lists = await readLists(corpus.lists);
  const files = await textFiles(corpus.folder);
  const sentences: GrammarSentence[] = [];
  for (const file of files) {
    const label = basename(file, SUFFIX);
    const random = new SeededRandom(corpus.seed, 'grammar', label);
    const own = await templates(file);
    const most = Math.ceil(corpus.perLabel / Math.max(own.length, 1));
    for (const { template, place } of own) {
      for (const text of distinctSentences(template, { most, lists, random, place }))
        sentences.push({ text, label });
    }
  }
  return sentences;
}

function distinctSentences(
  template: Template,
  options: { most: number; lists: Lists; random: SeededRandom; place: Place },
): Set<string> {
  const found = new Set<string>();
  for (let vain = 0; found.size < options.most && vain < VAIN_DRAWS_MAX; ) {
    const before = found.size;
    found.add(drawSentence(template, options));
    vain = found.size === before ? vain + 1 : 0;
  }
  return found;
}

async function readLists(folder: string): Promise<Lists> {
  const lists = new Map<string, Template[]>();
  for (const file of await textFiles(folder))
    lists.set(
      basename(file, SUFFIX),
      (await templates(file)).map(({ template }) => template),
    );
  return lists;
}

async function templates(file: string): Promise<{ template: Template; place: Place }[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.flatMap((text, index) => {
    const source = text.trim();
    if (source === '' || source.startsWith('#')) return [];
    const place = { file, line: index + 1 };
    return [{ template: parseTemplate(source, place), place }];
  });
}

async function textFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter((name) => name.endsWith(SUFFIX))
      .toSorted()
      .map((name) => join(folder, name));
  } catch (cause) {
    throw new NanofleetError('TRAINING_SET_INVALID', `could not read the folder of grammars ${folder}`, {
      cause,
      facts: { file: folder },
    });
  }
}
