/**
 * Owns numbers in English words and digits: "twenty five", "1,200", "two and a half", "minus three point five", "1/2". Pure.
 */
import type { Word } from './words.ts';

const ONES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    zero: 0,
    oh: 0,
    one: 1,
    two: 2,
    three: 3,
    four: 4,
    five: 5,
    six: 6,
    seven: 7,
    eight: 8,
    nine: 9,
    ten: 10,
    eleven: 11,
    twelve: 12,
    thirteen: 13,
    fourteen: 14,
    fifteen: 15,
    sixteen: 16,
    seventeen: 17,
    eighteen: 18,
    nineteen: 19,
  }),
);
const TENS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    twenty: 20,
    thirty: 30,
    forty: 40,
    fourty: 40,
    fifty: 50,
    sixty: 60,
    seventy: 70,
    eighty: 80,
    ninety: 90,
  }),
);
const SCALES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    hundred: 100,
    thousand: 1e3,
    million: 1e6,
    billion: 1e9,
    dozen: 12,
  }),
);
const PARTS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    half: 0.5,
    halves: 0.5,
    quarter: 0.25,
    quarters: 0.25,
    third: 1 / 3,
    thirds: 1 / 3,
    '½': 0.5,
    '¼': 0.25,
    '¾': 0.75,
  }),
);

/** A number and where the words after it begin. */
export interface ReadNumber {
  readonly value: number;
  readonly next: number;
}

/** The number that begins at word `at`, or null. "a" and "an" count as one only before a part, a scale or a unit's noun. */
export function readNumber(words: readonly Word[], at = 0): ReadNumber | null {
  const word = words[at];
  if (word === 'minus' || word === 'negative') {
    const read = readNumber(words, at + 1);
    return read && { value: -read.value, next: read.next };
  }
  const whole = readWhole(words, at);
  if (whole === null) return readPart(words, at);
  return readTail(words, whole);
}

/** The number that a text is, "a" included; null if words are left over. */
export function numberOf(words: readonly Word[]): number | null {
  const read = readNumber(words);
  return read !== null && read.next === words.length ? read.value : null;
}

function readWhole(words: readonly Word[], at: number): ReadNumber | null {
  const digits = digitsOf(words[at]);
  if (digits !== null) return scaled(words, { value: digits, next: at + 1 });
  return readSpelled(words, at);
}

function digitsOf(word: Word | undefined): number | null {
  if (word === undefined || !/^-?\d/.test(word) || word.includes(':')) return null;
  const fraction = /^(-?\d+)\/([1-9]\d*)$/.exec(word);
  if (fraction) return Number(fraction[1]) / Number(fraction[2]);
  // 1,200 groups thousands; any other comma is a decimal one.
  const plain = /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(word) ? word.replaceAll(',', '') : word.replace(',', '.');
  const value = Number(plain);
  return Number.isFinite(value) ? value : null;
}

function scaled(words: readonly Word[], { value, next }: ReadNumber): ReadNumber {
  const scale = SCALES.get(words[next] ?? '');
  return scale === undefined ? { value, next } : { value: value * scale, next: next + 1 };
}

// The usual sum of groups: "two thousand three hundred and five" is (2 · 1000) + (3 · 100) + 5. A word that cannot follow
// what came before (a second one after a one, a greater scale after its group) ends the number.
function readSpelled(words: readonly Word[], at: number): ReadNumber | null {
  let total = 0;
  let group = 0;
  let place = Number.POSITIVE_INFINITY;
  let next = at;
  for (;;) {
    const joined = next > at && words[next] === 'and' && group + total >= 100 ? next + 1 : next;
    const word = words[joined] ?? '';
    const one = ONES.get(word);
    const ten = TENS.get(word);
    const scale = next > at || words[at + 1] !== undefined ? SCALES.get(word) : undefined;
    if (one !== undefined && place > (one < 10 ? 1 : 10)) {
      group += one;
      place = 1;
    } else if (ten !== undefined && place > 10) {
      group += ten;
      place = 10;
    } else if (scale !== undefined && next > at && joined === next) {
      if (scale === 100 || scale === 12) group = Math.max(group, 1) * scale;
      else {
        total += Math.max(group, 1) * scale;
        group = 0;
      }
      place = 100;
    } else if (
      next === at &&
      (word === 'a' || word === 'an') &&
      SCALES.get(words[at + 1] ?? '') !== undefined
    ) {
      group = 1;
      place = 1;
    } else break;
    next = joined + 1;
  }
  return next === at ? null : { value: total + group, next };
}

/** "half", "a half", "three quarters" and the like, without a whole number before them. */
function readPart(words: readonly Word[], at: number): ReadNumber | null {
  const skipped = words[at] === 'a' || words[at] === 'an' || words[at] === 'one' ? at + 1 : at;
  const part = PARTS.get(words[skipped] ?? '');
  return part === undefined ? null : { value: part, next: skipped + 1 };
}

/** What may follow a whole number: "point five", "and a half", "½", "quarters". */
function readTail(words: readonly Word[], whole: ReadNumber): ReadNumber {
  const { value, next } = whole;
  const word = words[next] ?? '';
  if (word === 'point') return readDecimals(words, whole);
  if (word === 'and') {
    const part = readPart(words, next + 1) ?? readSlash(words, next + 1);
    return part === null ? whole : { value: value + part.value, next: part.next };
  }
  const part = PARTS.get(word);
  if (part === undefined) return whole;
  if (word.endsWith('s')) return { value: value * part, next: next + 1 };
  return /^[½¼¾]$/.test(word) ? { value: value + part, next: next + 1 } : whole;
}

function readSlash(words: readonly Word[], at: number): ReadNumber | null {
  const from = words[at] === 'a' ? at + 1 : at;
  const word = words[from] ?? '';
  return /^\d+\/[1-9]\d*$/.test(word) ? { value: digitsOf(word) ?? 0, next: from + 1 } : null;
}

function readDecimals(words: readonly Word[], { value, next }: ReadNumber): ReadNumber {
  let digits = '';
  let at = next + 1;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const digit = /^\d+$/.test(word) ? word : ONES.get(word)?.toString();
    if (digit === undefined || digit.length > 2) break;
    digits += digit;
  }
  return digits === '' ? { value, next } : { value: Number(`${value}.${digits}`), next: at };
}
