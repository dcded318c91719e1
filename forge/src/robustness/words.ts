// Owns the words of a text as its blanks divide it, and dropping some. It never empties a text.
import type { SeededRandom } from '../seeded-random.ts';

/** What stands between the blanks. */
export const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** The words as a text; the text that they were made from if nothing is left of it. */
export const joined = (words: readonly string[], otherwise: string): string =>
  words.length === 0 ? otherwise : words.join(' ');

/** The text without so many of its words; the last one always stays. */
export function withDroppedWords(text: string, count: number, random: SeededRandom): string {
  let words = wordsOf(text);
  for (let dropped = 0; dropped < count && words.length > 1; dropped += 1) {
    const at = random.below(words.length);
    words = words.filter((_, index) => index !== at);
  }
  return joined(words, text);
}
