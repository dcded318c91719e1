// Owns what happens to the words of a text before a network learns from it: some are left out, and one gets one slip of the
// fingers, as on a small keyboard. It never judges a text.
import type { SeededRandom } from '../seeded-random.ts';
import type { TrainingSettings } from './training-settings.ts';

const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
/** Shorter words are too easily others. */
const LETTERS_MIN = 4;

/** The text as it is learned from this time; one that would lose all its words keeps them. */
export function noisyText(
  text: string,
  { wordDropout, misspellings }: Pick<TrainingSettings, 'wordDropout' | 'misspellings'>,
  random: SeededRandom,
): string {
  const words = text.split(' ').filter(() => random.uniform() >= wordDropout);
  const spelt = random.uniform() < misspellings ? misspelt(words, random) : words;
  return spelt.length === 0 ? text : spelt.join(' ');
}

/** A copy of the words in which one of at least four letters has a letter left out, doubled, swapped or replaced by a neighbour. */
export function misspelt(words: readonly string[], random: SeededRandom): string[] {
  const long = words.flatMap((word, index) => (word.length >= LETTERS_MIN ? [index] : []));
  const chosen = long[random.below(long.length)];
  return words.map((word, index) => (index === chosen ? slipped(word, random) : word));
}

function slipped(word: string, random: SeededRandom): string {
  const at = random.below(word.length - 1);
  const [before, here, after] = [word.slice(0, at), word[at] ?? '', word.slice(at + 1)];
  switch (random.below(4)) {
    case 0:
      return before + after;
    case 1:
      return before + here + here + after;
    case 2:
      return before + (after[0] ?? '') + here + after.slice(1);
    default:
      return before + neighbour(here, random) + after;
  }
}

/** A letter beside this one on the keyboard; what is not on it stays. */
export function neighbour(letter: string, random: SeededRandom): string {
  const row = ROWS.find((keys) => keys.includes(letter));
  if (row === undefined) return letter;
  const at = row.indexOf(letter);
  const beside = [row[at - 1], row[at + 1]].filter((key) => key !== undefined);
  return beside[random.below(beside.length)] ?? letter;
}
