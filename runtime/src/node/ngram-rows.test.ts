// Behaviour of n-grams of a text: each names the very rows that the features gave it.
import type { TextFeatureParameters } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FNV_OFFSET, fnvString, spread } from '../text/hash.ts';
import { TextFeatures } from '../text/text-features.ts';
import { type NgramRows, pairsOf, piecesOf, type SeenText, withoutNgram } from './ngram-rows.ts';

const parameters: TextFeatureParameters = {
  kind: 'hashed-ngrams-1',
  buckets: 65_536,
  charMin: 2,
  charMax: 4,
  wordBigrams: true,
  lowerCase: true,
  rowsMax: 8192,
};
const SEED = 31;

const seenOf = (text: string, given = parameters): SeenText => ({
  text,
  seen: new TextFeatures(given).withTokens(text),
  parameters: given,
});
const hashed = (name: string, { buckets, hashes }: TextFeatureParameters): number[] => {
  const state = fnvString(FNV_OFFSET, name);
  return (hashes === 2 ? [state, Math.imul(state, 0x9e3779b1)] : [state]).map((own) => spread(own) % buckets);
};
const rowsIn = ({ seen }: SeenText, { row, rows }: NgramRows): number[] => [
  ...seen.rows.subarray(row, row + rows),
];
const texts = fc.oneof(
  fc.array(fc.constantFrom('a', 'to', "what's", 'weather', '7', 'İzmir', 'it’s', '-'), { minLength: 1 }),
  fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 6 }),
);
const shapes = fc.constantFrom<Partial<TextFeatureParameters>>(
  {},
  { hashes: 2 },
  { charMin: 3, charMax: 5 },
  { wordBigrams: false },
  { charMin: 1, charMax: 1 },
);

describe('n-grams of a text', () => {
  it('are where the features laid their rows down', () => {
    fc.assert(
      fc.property(texts, shapes, (words, shape) => {
        const given = seenOf(words.join(' '), { ...parameters, ...shape });
        for (const pair of pairsOf(given))
          expect(rowsIn(given, pair)).toEqual(hashed(`b:${pair.ngram}`, given.parameters));
        for (let token = 0; token < given.seen.tokens; token += 1)
          for (const piece of piecesOf(given, token))
            expect(rowsIn(given, piece)).toEqual(hashed(`c:${piece.ngram}`, given.parameters));
        expect(pairsOf(given).length).toBe(
          given.parameters.wordBigrams && given.seen.tokens > 0 ? given.seen.tokens + 1 : 0,
        );
      }),
      { seed: SEED, numRuns: 400 },
    );
  });

  it('name the letters that they cover', () => {
    const given = seenOf('Go HOME, now');
    const covered = (ngrams: NgramRows[]): string[][] =>
      ngrams.map(({ ngram, from, to }) => [ngram, given.text.slice(from, to)]);
    expect(covered(pairsOf(given))).toEqual([
      ['<s> go', 'Go'],
      ['go home', 'Go HOME'],
      ['home now', 'HOME, now'],
      ['now </s>', 'now'],
    ]);
    expect(covered(piecesOf(given, 0))).toEqual([['<go>', 'Go']]);
    expect(covered(piecesOf(given, 1))).toEqual([
      ['<hom', 'HOM'],
      ['home', 'HOME'],
      ['ome>', 'OME'],
    ]);
  });

  it('are none where rows were dropped', () => {
    const given = seenOf('one two three', { ...parameters, rowsMax: 20 });
    expect([pairsOf(given), piecesOf(given, 0)]).toEqual([[], []]);
  });

  it('can be left out, each for itself', () => {
    const given = seenOf('go home go home');
    const [, first] = pairsOf(given);
    const less = withoutNgram(given.seen, first ?? { ngram: '', from: 0, to: 0, row: 0, rows: 0 });
    expect(less.rows.length).toBe(given.seen.rows.length - 1);
    expect(less.tokenOfRow.length).toBe(less.rows.length);
    expect([...less.rows]).toEqual([...given.seen.rows].toSpliced(first?.row ?? 0, 1));
  });
});
