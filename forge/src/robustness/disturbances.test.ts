// Disturbances of texts: repeatable, bounded, never empty; and what speech makes of numbers.
import { TEXT_BYTES_MAX } from '@nanofleet/protocol';
import { checkText, utf8Bytes } from '@nanofleet/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { randomlyCased, titleCased, upperCased } from './casing.ts';
import { withEdits } from './character-edits.ts';
import { DISTURBANCES, disturbed } from './disturbances.ts';
import { HOMOPHONES, NEAR_HOMOPHONES } from './sounds.ts';
import { asHeard, withMergedWords, withoutPunctuation, withSplitWord } from './speech.ts';
import { withSpokenNumbers } from './spoken-numbers.ts';
import { withDroppedWords, wordsOf } from './words.ts';

const SEED = 20261126;
const words = fc
  .array(
    fc.constantFrom('to', 'two', "what's", 'the', 'weather', '3rd', '$20', 'in', 'Σας', 'a', 'alarm', '-'),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((some) => some.join(' '));
const askable = (text: string): boolean => {
  try {
    checkText(text);
    return true;
  } catch {
    return false;
  }
};
const texts = fc.oneof(words, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(askable));
const holds = <T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, check), { seed: SEED, numRuns: 300 });
const draws = (...purpose: (string | number)[]): SeededRandom => new SeededRandom(SEED, ...purpose);

describe.each(DISTURBANCES)('$name', (disturbance) => {
  it('gives the same text for the same seed and number', () => {
    holds(fc.tuple(texts, fc.nat(), fc.nat(9)), ([text, seed, number]) => {
      const facts = { disturbance, seed, number };
      expect(disturbed(text, facts)).toBe(disturbed(text, facts));
    });
  });

  it('gives a text that may be asked', () => {
    holds(fc.tuple(texts, fc.nat()), ([text, seed]) => {
      expect(() => checkText(disturbed(text, { disturbance, seed, number: 0 }))).not.toThrow();
    });
  });

  it('keeps to the size of a text', () => {
    const text = `${'7 '.repeat(TEXT_BYTES_MAX / 2 - 1)}7`;
    const facts = { disturbance, seed: SEED, number: 0 };
    expect(utf8Bytes(disturbed(text, facts))).toBeLessThanOrEqual(TEXT_BYTES_MAX);
  });
});

describe('edits of characters', () => {
  it.each([1, 2, 3])('are at most %d swaps, drops, inserts and replacements', (edits) => {
    holds(fc.tuple(texts, fc.nat()), ([text, number]) => {
      expect(distance(text, withEdits(text, edits, draws(number)))).toBeLessThanOrEqual(edits);
    });
  });

  it('are of every kind, anywhere', () => {
    const edited = new Set(Array.from({ length: 300 }, (_, number) => withEdits('go', 1, draws(number))));
    expect([...edited]).toEqual(expect.arrayContaining(['og', 'o', 'g', 'gp', 'ho', 'fo', 'gho', 'gop']));
  });

  it('leave a text without a letter of the keyboard alone', () => {
    expect(withEdits('42 ?', 3, draws())).toBe('42 ?');
  });
});

describe('casing', () => {
  it('never changes a text in lower case', () => {
    holds(texts, (text) => {
      for (const cased of [upperCased(text), titleCased(text), randomlyCased(text, draws())])
        expect(cased.toLowerCase()).toBe(text.toLowerCase());
    });
  });

  it('is of the kind that it says', () => {
    expect(upperCased("what's up")).toBe("WHAT'S UP");
    expect(titleCased("what's up, 3rd man")).toBe("What's Up, 3rd Man");
  });
});

describe('words', () => {
  it.each([1, 2])('lose %d, the others keep their order, and one always stays', (count) => {
    holds(fc.tuple(words, fc.nat()), ([text, number]) => {
      const kept = wordsOf(withDroppedWords(text, count, draws(number)));
      expect(kept).toHaveLength(Math.max(1, wordsOf(text).length - count));
      let at = -1;
      for (const word of kept) {
        at = wordsOf(text).indexOf(word, at + 1);
        expect(at).toBeGreaterThanOrEqual(0);
      }
    });
  });

  it('merged or split keep every letter', () => {
    const bare = (text: string): string => text.replaceAll(' ', '');
    holds(fc.tuple(words, fc.nat()), ([text, number]) => {
      const merged = withMergedWords(text, draws(number));
      const split = withSplitWord(text, draws(number));
      expect([bare(merged), bare(split)]).toEqual([bare(text), bare(text)]);
      expect(wordsOf(merged).length).toBe(Math.max(1, wordsOf(text).length - 1));
      expect(wordsOf(split).length - wordsOf(text).length).toBe(/\S{6}/.test(text) ? 1 : 0);
    });
  });

  it.each([HOMOPHONES, NEAR_HOMOPHONES])('sound alike both ways and never like themselves', (alike) => {
    for (const [word, others] of alike) {
      expect(others).not.toContain(word);
      expect(word).toMatch(/^[a-z']+$/);
      for (const other of others) expect(alike.get(other)).toContain(word);
    }
  });
});

describe('speech', () => {
  it.each([
    ['wake me at 7', 'wake me at seven'],
    ['the 3rd, the 21st and the 20th', 'the third, the twenty first and the twentieth'],
    ['10:30', 'ten thirty'],
    ['2.5 cups', 'two point five cups'],
    ['$1,200,000', 'one million two hundred thousand dollars'],
    ['€20 or 15%', 'twenty euros or fifteen percent'],
    ['7pm in 1984', 'seven pm in nineteen eighty four'],
    ['2000 and 405', 'two thousand and four hundred five'],
    ['card 4111111111', 'card four one one one one one one one one one'],
    ['room 007', 'room zero zero seven'],
  ])('says %s', (written, said) => {
    expect(withSpokenNumbers(written)).toBe(said);
  });

  it('knows neither capitals nor signs', () => {
    expect(withoutPunctuation("What's  the time, please?")).toBe('whats the time please');
    expect(withoutPunctuation('?!')).toBe('?!');
    holds(words, (text) => {
      expect(asHeard(text, draws())).not.toMatch(/[A-Z'?$]|\d/);
    });
  });
});

/** Damerau and Levenshtein's distance, by which a swap of neighbours is one edit; edits may overlap. */
function distance(left: string, right: string): number {
  const far = left.length + right.length;
  const cells = new Map<string, number>();
  const at = (row: number, column: number): number => cells.get(`${row},${column}`) ?? far;
  for (let row = 0; row <= left.length; row += 1) cells.set(`${row},0`, row);
  for (let column = 0; column <= right.length; column += 1) cells.set(`0,${column}`, column);
  const lastRows = new Map<string, number>();
  for (let row = 1; row <= left.length; row += 1) {
    let lastColumn = 0;
    for (let column = 1; column <= right.length; column += 1) {
      const lastRow = lastRows.get(right.charAt(column - 1)) ?? 0;
      const isSame = left.charAt(row - 1) === right.charAt(column - 1);
      const swapped =
        lastRow > 0 && lastColumn > 0
          ? at(lastRow - 1, lastColumn - 1) + (row - lastRow - 1) + 1 + (column - lastColumn - 1)
          : far;
      const best = Math.min(
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        at(row, column - 1) + 1,
        at(row - 1, column) + 1,
        swapped,
      );
      if (isSame) lastColumn = column;
      cells.set(`${row},${column}`, best);
    }
    lastRows.set(left.charAt(row - 1), row);
  }
  return at(left.length, right.length);
}
