// Owns the words of texts as numbers, and the hashed rows of each word: itself and its character n-grams. Words are those of
// the text features that devices use. It never learns.
import { TextFeatures } from '@nanofleet/runtime';
import { type EncoderSettings, WORDS_MAX } from './encoder-shape.ts';

/** Number of the word that stands for none: hidden, dropped, or beyond the end of a text. It has no rows. */
export const NO_WORD = 0;

/** Grows with the texts that it reads. */
export class Vocabulary {
  readonly #features: TextFeatures;
  readonly #numbers = new Map<string, number>();
  readonly #rows: Int32Array[] = [new Int32Array(0)];

  constructor({ buckets, charMin, charMax }: Pick<EncoderSettings, 'buckets' | 'charMin' | 'charMax'>) {
    this.#features = new TextFeatures({
      kind: 'hashed-ngrams-1',
      lowerCase: true,
      wordBigrams: false,
      rowsMax: 512,
      buckets,
      charMin,
      charMax,
    });
  }

  /** Numbers of the first words of a text, at least one. */
  read(text: string): Int32Array {
    const words = wordsOf(text).slice(0, WORDS_MAX);
    return words.length === 0 ? Int32Array.of(NO_WORD) : Int32Array.from(words, (word) => this.#number(word));
  }

  /** Rows of a word. */
  rows(word: number): Int32Array {
    return this.#rows[word] ?? new Int32Array(0);
  }

  #number(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    const number = this.#rows.length;
    this.#numbers.set(word, number);
    this.#rows.push(this.#features.of(word).rows);
    return number;
  }
}

/** Lower-case words of letters, digits and apostrophes. */
export function wordsOf(text: string): string[] {
  return (
    text
      .toLowerCase()
      .replace(/[’`]/g, "'")
      .match(/[a-z0-9']*[a-z0-9][a-z0-9']*/g) ?? []
  );
}
