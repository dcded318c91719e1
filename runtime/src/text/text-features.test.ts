// Behaviour of text features: equal to a slow reference written from the specification, for any text.
import type { TextFeatureParameters } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FNV_OFFSET, fnvString, spread } from './hash.ts';
import { TextFeatures } from './text-features.ts';

const parameters: TextFeatureParameters = {
  kind: 'hashed-ngrams-1',
  buckets: 8192,
  charMin: 2,
  charMax: 4,
  wordBigrams: true,
  lowerCase: true,
  rowsMax: 8192,
};

/** The features of a text as strings, straight from the specification. */
function namesOf(text: string, { charMin, charMax, wordBigrams }: TextFeatureParameters): string[] {
  const clean = text.toLowerCase().replace(/[\u2019`]/g, "'");
  const found = (clean.match(/[a-z0-9']+/g) ?? []).filter((token) => /[a-z0-9]/.test(token));
  const tokens = found.length === 0 ? ['<empty>'] : found;
  const names: string[] = [];
  tokens.forEach((token, at) => {
    names.push(`w:${token}`);
    const framed = `<${token}>`;
    for (let from = 0; from < framed.length; from += 1)
      for (let n = charMin; n <= charMax && from + n <= framed.length; n += 1)
        names.push(`c:${framed.slice(from, from + n)}`);
    if (wordBigrams) names.push(`b:${tokens[at - 1] ?? '<s>'} ${token}`);
  });
  if (wordBigrams) names.push(`b:${tokens.at(-1) ?? ''} </s>`);
  return names;
}

const rowsOf = (text: string, given: TextFeatureParameters): number[] =>
  namesOf(text, given).flatMap((name) => {
    const state = fnvString(FNV_OFFSET, name);
    const states = given.hashes === 2 ? [state, Math.imul(state, 0x9e3779b1)] : [state];
    return states.map((own) => spread(own) % given.buckets);
  });

describe('fnvString', () => {
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('agrees with the published FNV-1a of "%s"', (text, expected) => {
    expect(fnvString(FNV_OFFSET, text) >>> 0).toBe(expected);
  });
});

describe('spread', () => {
  it('agrees with the finalizer of MurmurHash3 for known inputs', () => {
    expect(spread(0)).toBe(0);
    expect(spread(1)).toBe(0x514e28b7);
    expect(spread(0xffffffff)).toBe(0x81f16f39);
  });
});

describe('TextFeatures', () => {
  const features = new TextFeatures(parameters);

  it('gives rows that never change for a known text', () => {
    expect(Array.from(features.of('Light on').rows)).toEqual(rowsOf('light on', parameters));
    expect(Array.from(features.of('a').rows)).toMatchInlineSnapshot(`
      [
        5215,
        4237,
        7137,
        5908,
        6930,
        7286,
      ]
    `);
  });

  it.each(['', '   ', '\0', '\ud800', "''' '", '語', 'it’s `x`', 'K', 'İ'])(
    'handles %j as the reference does',
    (text) => {
      expect(Array.from(features.of(text).rows)).toEqual(rowsOf(text, parameters));
    },
  );

  it('counts tokens, so that a text without any can be told', () => {
    expect(features.of('it is 20 degrees').tokens).toBe(4);
    expect(features.of('語 ！').tokens).toBe(0);
  });

  it('tells the token of each row and where each token stands in the text as it was given', () => {
    const text = 'İ Turn it’s 20';
    const { rows, tokens, tokenOfRow, bounds } = features.withTokens(text);
    expect(Array.from(rows)).toEqual(Array.from(features.of(text).rows));
    expect(tokens).toBe(4);
    const places = Array.from({ length: tokens }, (_, at) => text.slice(bounds[2 * at], bounds[2 * at + 1]));
    expect(places).toEqual(['İ', 'Turn', 'it’s', '20']);
    // Word, bigram and 11 of n-grams for `turn`; the last token owns the bigram that ends the text, too.
    const count = (token: number): number => tokenOfRow.filter((own) => own === token).length;
    expect([count(1), count(3)]).toEqual([14, 9]);
    expect(tokenOfRow.toSorted()).toEqual(tokenOfRow);
  });

  it('gives a text without a token one stand-in at its beginning', () => {
    const { rows, tokenOfRow, bounds } = features.withTokens('語');
    expect(Array.from(rows)).toEqual(rowsOf('語', parameters));
    expect(Array.from(bounds)).toEqual([0, 0]);
    expect(new Set(tokenOfRow)).toEqual(new Set([0]));
  });

  it('drops rows beyond the bound instead of growing', () => {
    const short = new TextFeatures({ ...parameters, rowsMax: 5 });
    expect(Array.from(short.of('turn the light on').rows)).toEqual(
      rowsOf('turn the light on', parameters).slice(0, 5),
    );
  });

  it('equals the reference for any text and any parameters', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'b', 'Z', '9', "'", '’', ' ', '-', 'é', '🙂', '\n'),
      maxLength: 60,
    });
    const varied = fc.record({
      text: fc.oneof(word, fc.string({ unit: 'binary', maxLength: 40 })),
      charMin: fc.integer({ min: 1, max: 3 }),
      more: fc.integer({ min: 0, max: 3 }),
      wordBigrams: fc.boolean(),
      buckets: fc.integer({ min: 1, max: 1 << 20 }),
      hashes: fc.constantFrom(1, 2),
    });
    fc.assert(
      fc.property(varied, ({ charMin, more, text, ...others }) => {
        const given = { ...parameters, ...others, charMin, charMax: charMin + more };
        const { rows } = new TextFeatures(given).of(text);
        expect(Array.from(rows)).toEqual(rowsOf(text, given));
        expect(rows.length).toBeGreaterThan(0);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
