// Owns other casing of the same letters. It never changes what a text is in lower case, hence only a to z: 'ß' and 'ς' come
// back otherwise.
import type { SeededRandom } from '../seeded-random.ts';

const LETTERS = /[a-z]/gi;
/** Letters that no letter, digit or apostrophe stands before. */
const FIRST_LETTERS = /(?<![a-z0-9'])[a-z]/gi;

/** Every letter a capital. */
export const upperCased = (text: string): string => text.replace(LETTERS, (letter) => letter.toUpperCase());

/** The first letter of each word a capital. */
export const titleCased = (text: string): string =>
  text.replace(FIRST_LETTERS, (letter) => letter.toUpperCase());

/** Each letter a capital half of the time. */
export const randomlyCased = (text: string, random: SeededRandom): string =>
  text.replace(LETTERS, (letter) => (random.below(2) === 0 ? letter.toLowerCase() : letter.toUpperCase()));
