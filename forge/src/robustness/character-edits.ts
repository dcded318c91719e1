// Owns slips of the fingers anywhere in a text: each edit swaps, drops, inserts or replaces one character. Unlike the
// misspellings that networks train on it spares neither short words nor first letters. It never empties a text.
import type { SeededRandom } from '../seeded-random.ts';
import { neighbour } from '../text/misspelling.ts';

const LETTER = /[a-z]/i;

/** The text after this many edits, one after the other; a text without a letter stays. */
export function withEdits(text: string, edits: number, random: SeededRandom): string {
  let edited = text;
  for (let edit = 0; edit < edits; edit += 1) edited = withOneEdit(edited, random);
  return edited;
}

function withOneEdit(text: string, random: SeededRandom): string {
  const letters = Array.from({ length: text.length }, (_, at) => at).filter((at) => isLetter(text, at));
  const at = letters[random.below(letters.length)];
  if (at === undefined) return text;
  const [before, here, after] = [text.slice(0, at), text.charAt(at), text.slice(at + 1)];
  const beside = neighbour(here.toLowerCase(), random);
  switch (random.below(4)) {
    case 0:
      return canSwap(text, at) ? before + after.charAt(0) + here + after.slice(1) : before + beside + after;
    case 1:
      return letters.length > 1 ? before + after : before + beside + after;
    case 2:
      return before + here + beside + after;
    default:
      return before + beside + after;
  }
}

const isLetter = (text: string, at: number): boolean => LETTER.test(text.charAt(at));

const canSwap = (text: string, at: number): boolean =>
  isLetter(text, at + 1) && text.charAt(at) !== text.charAt(at + 1);
