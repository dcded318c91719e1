// Owns tf-idf: the terms of a text, which of them get a column, and the values of these columns. Two blocks, runs of words and
// character n-grams within words, each of length 1. It never sees a label.
import { wordsOf } from '../encoder/vocabulary.ts';
import type { LinearSettings, Terms } from './linear-shape.ts';

/** The columns of a text that are not 0, in no order and without repeats, with their values. */
export interface TextColumns {
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** Learns the terms of texts: the most frequent by texts, equally frequent ones in the order of their code units. */
export function learnTerms(texts: readonly string[], settings: LinearSettings): Terms {
  const words = new DocumentCounts();
  const characters = new DocumentCounts();
  for (const text of texts) {
    const own = wordsOf(text);
    words.add(wordTerms(own, settings));
    characters.add(characterTerms(own, settings));
  }
  const blocks = [words.chosen(settings), characters.chosen(settings)] as const;
  const idf = blocks.flatMap((block) => block.map(([, count]) => smoothedIdf(texts.length, count)));
  const names = (block: (typeof blocks)[number]): string[] => block.map(([term]) => term);
  return { words: names(blocks[0]), characters: names(blocks[1]), idf: Float32Array.from(idf) };
}

/** As if one more text held every term: no division by 0, and a term of all texts still counts. */
const smoothedIdf = (texts: number, holding: number): number => Math.log((1 + texts) / (1 + holding)) + 1;

class DocumentCounts {
  readonly #counts = new Map<string, number>();

  add(terms: readonly string[]): void {
    for (const term of new Set(terms)) this.#counts.set(term, (this.#counts.get(term) ?? 0) + 1);
  }

  chosen({ documentsMin, termsMax }: LinearSettings): (readonly [string, number])[] {
    return [...this.#counts]
      .filter(([, count]) => count >= documentsMin)
      .toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
      .slice(0, termsMax);
  }
}

/** Runs of up to `wordMax` words, repeats included. */
export function wordTerms(words: readonly string[], { wordMax }: Pick<LinearSettings, 'wordMax'>): string[] {
  const terms: string[] = [];
  for (let count = 1; count <= wordMax; count += 1)
    for (let at = 0; at + count <= words.length; at += 1) terms.push(words.slice(at, at + count).join(' '));
  return terms;
}

/** N-grams of each word between blanks, repeats included; of lengths that no longer fit, the shortest gives the whole word once. */
export function characterTerms(
  words: readonly string[],
  { charMin, charMax }: Pick<LinearSettings, 'charMin' | 'charMax'>,
): string[] {
  const terms: string[] = [];
  for (const word of words) {
    const padded = ` ${word} `;
    for (let count = charMin; count <= charMax; count += 1) {
      for (let at = 0; at === 0 || at + count <= padded.length; at += 1)
        terms.push(padded.slice(at, at + count));
      if (count >= padded.length) break;
    }
  }
  return terms;
}

/** Whether a text keeps a term that it has, with all its repeats. */
export type TermFilter = () => boolean;

/** Words whose n-grams are kept at hand; those of a recipe are fewer, but for misspelt ones. */
const WORDS_KEPT_MAX = 1 << 16;

/** Computes the columns of texts. */
export class TfIdf {
  readonly #settings: LinearSettings;
  readonly #idf: Float32Array;
  readonly #words: ReadonlyMap<string, number>;
  readonly #characters: ReadonlyMap<string, number>;
  readonly #ofWord = new Map<string, readonly number[]>();
  /** How often the text at hand has each column; all 0 between texts. */
  readonly #counts: Uint32Array;

  constructor(settings: LinearSettings, { words, characters, idf }: Terms) {
    this.#settings = settings;
    this.#idf = idf;
    this.#words = new Map(words.map((term, at) => [term, at]));
    this.#characters = new Map(characters.map((term, at) => [term, words.length + at]));
    this.#counts = new Uint32Array(idf.length);
  }

  /** The columns of a text; none if it has no known term. */
  of(text: string, kept: TermFilter = () => true): TextColumns {
    const own = wordsOf(text);
    const runs = this.#distinct(known(this.#words, wordTerms(own, this.#settings)), kept);
    const grams = this.#distinct(
      own.flatMap((word) => this.#gramsOf(word)),
      kept,
    );
    const columns = new Int32Array(runs.columns.length + grams.columns.length);
    columns.set(runs.columns);
    columns.set(grams.columns, runs.columns.length);
    const values = new Float32Array(columns.length);
    values.set(this.#weighed(runs));
    values.set(this.#weighed(grams), runs.columns.length);
    return { columns, values };
  }

  #gramsOf(word: string): readonly number[] {
    const before = this.#ofWord.get(word);
    if (before) return before;
    const grams = known(this.#characters, characterTerms([word], this.#settings));
    if (this.#ofWord.size < WORDS_KEPT_MAX) this.#ofWord.set(word, grams);
    return grams;
  }

  #distinct(all: readonly number[], kept: TermFilter): CountedColumns {
    const found: number[] = [];
    for (const column of all) {
      if (this.#counts[column] === 0) found.push(column);
      this.#counts[column] = (this.#counts[column] ?? 0) + 1;
    }
    const columns = found.filter(kept);
    const counts = columns.map((column) => this.#counts[column] ?? 0);
    for (const column of found) this.#counts[column] = 0;
    return { columns, counts };
  }

  /** (1 + ln count) · idf, scaled to length 1. */
  #weighed({ columns, counts }: CountedColumns): number[] {
    const values = columns.map((column, at) => (1 + Math.log(counts[at] ?? 1)) * (this.#idf[column] ?? 0));
    const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    return values.map((value) => value / length);
  }
}

/** Columns of a block without repeats, and how often each occurs. */
interface CountedColumns {
  readonly columns: readonly number[];
  readonly counts: readonly number[];
}

/** Columns of the terms that have one, repeats included. */
function known(columns: ReadonlyMap<string, number>, terms: readonly string[]): number[] {
  const found: number[] = [];
  for (const term of terms) {
    const column = columns.get(term);
    if (column !== undefined) found.push(column);
  }
  return found;
}
