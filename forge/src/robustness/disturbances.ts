// Owns which disturbances of a text there are, by name. Each is pure: the same text, seed and number give the same result, never an
// empty text nor one that may not be asked. It never judges a model.
import { TEXT_BYTES_MAX } from '@nanofleet/protocol';
import { utf8Bytes } from '@nanofleet/runtime';
import { SeededRandom } from '../seeded-random.ts';
import { randomlyCased, titleCased, upperCased } from './casing.ts';
import { withEdits } from './character-edits.ts';
import {
  asHeard,
  withHomophones,
  withMergedWords,
  withNearHomophones,
  withoutPunctuation,
  withSplitWord,
  withSwallowedWords,
} from './speech.ts';
import { withSpokenNumbers } from './spoken-numbers.ts';
import { withDroppedWords } from './words.ts';

/** What may befall a text. */
export interface Disturbance {
  readonly name: string;
  readonly change: (text: string, random: SeededRandom) => string;
}

const edits =
  (count: number): Disturbance['change'] =>
  (text, random) =>
    withEdits(text, count, random);
const dropped =
  (count: number): Disturbance['change'] =>
  (text, random) =>
    withDroppedWords(text, count, random);

/** All of them, in the order of the table. */
export const DISTURBANCES: readonly Disturbance[] = [
  { name: '1 character edit', change: edits(1) },
  { name: '2 character edits', change: edits(2) },
  { name: '3 character edits', change: edits(3) },
  { name: 'UPPER CASE', change: upperCased },
  { name: 'Title Case', change: titleCased },
  { name: 'rAndOm case', change: randomlyCased },
  { name: '1 word dropped', change: dropped(1) },
  { name: '2 words dropped', change: dropped(2) },
  { name: 'homophones', change: withHomophones },
  { name: 'near-homophones', change: withNearHomophones },
  { name: 'words merged', change: withMergedWords },
  { name: 'word split', change: withSplitWord },
  { name: 'short words swallowed', change: withSwallowedWords },
  { name: 'no punctuation', change: withoutPunctuation },
  { name: 'numbers in words', change: withSpokenNumbers },
  { name: 'as heard (all of speech)', change: asHeard },
];

/** The disturbed text; the text itself where the result were longer than a text may be. @param number tells texts of one run apart */
export function disturbed(
  text: string,
  {
    disturbance,
    seed,
    number,
  }: { readonly disturbance: Disturbance; readonly seed: number; readonly number: number },
): string {
  const changed = disturbance.change(text, new SeededRandom(seed, disturbance.name, number));
  return utf8Bytes(changed) > TEXT_BYTES_MAX ? text : changed;
}
