// Owns what speech recognition does to a text: words that sound alike, words merged, split or swallowed, no punctuation,
// numbers in words. It never empties a text. A model of such errors from lists, not a recognizer.
import type { SeededRandom } from '../seeded-random.ts';
import { HOMOPHONES, NEAR_HOMOPHONES, SWALLOWED } from './sounds.ts';
import { withSpokenNumbers } from './spoken-numbers.ts';
import { joined, wordsOf } from './words.ts';

/** Shorter words are heard whole. */
const SPLIT_CHARACTERS_MIN = 6;
const LETTERS_AND_DIGITS = /[a-z0-9]/i;

/** Each word that another one sounds like becomes that, half of the time. */
export const withHomophones = (text: string, random: SeededRandom): string =>
  misheard(text, HOMOPHONES, random);

/** Each word that another one nearly sounds like becomes that, half of the time. */
export const withNearHomophones = (text: string, random: SeededRandom): string =>
  misheard(text, NEAR_HOMOPHONES, random);

function misheard(text: string, alike: ReadonlyMap<string, readonly string[]>, random: SeededRandom): string {
  const heard = wordsOf(text).map((word) => {
    const others = alike.get(word.toLowerCase()) ?? [];
    return random.below(2) === 0 ? word : (others[random.below(others.length)] ?? word);
  });
  return joined(heard, text);
}

/** One word and the next become one; a text of one word stays. */
export function withMergedWords(text: string, random: SeededRandom): string {
  const words = wordsOf(text);
  if (words.length < 2) return text;
  const at = random.below(words.length - 1);
  return joined([...words.slice(0, at), words.slice(at, at + 2).join(''), ...words.slice(at + 2)], text);
}

/** One word of at least six characters becomes two; a text without stays. */
export function withSplitWord(text: string, random: SeededRandom): string {
  const words = wordsOf(text);
  const long = words.flatMap((word, index) =>
    Array.from(word).length >= SPLIT_CHARACTERS_MIN ? [index] : [],
  );
  const chosen = long[random.below(long.length)];
  if (chosen === undefined) return text;
  const characters = Array.from(words[chosen] ?? '');
  const at = 2 + random.below(characters.length - 3);
  const split = `${characters.slice(0, at).join('')} ${characters.slice(at).join('')}`;
  return joined(words.with(chosen, split), text);
}

/** Each short unstressed word is swallowed half of the time. */
export function withSwallowedWords(text: string, random: SeededRandom): string {
  const kept = wordsOf(text).filter((word) => random.below(2) === 0 || !SWALLOWED.has(word.toLowerCase()));
  return joined(kept, text);
}

/** Letters, digits and blanks only, in lower case: dont, whats. A text that has neither letter nor digit stays. */
export function withoutPunctuation(text: string): string {
  if (!LETTERS_AND_DIGITS.test(text)) return text;
  const bare = text
    .toLowerCase()
    .replace(/['’`]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ');
  return bare.trim();
}

/** All of it: numbers, sounds that are the same, swallowed words, one word merged or split, no punctuation. */
export function asHeard(text: string, random: SeededRandom): string {
  const heard = withSwallowedWords(withHomophones(withSpokenNumbers(text), random), random);
  const cut = random.below(2) === 0 ? withMergedWords(heard, random) : withSplitWord(heard, random);
  return withoutPunctuation(cut);
}
