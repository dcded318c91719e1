// Behaviour of finding entities: where they start and end in the text as a person would mark them, and what they mean.
import type { ValueKind } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { joinedTokens, placeOfTokens, tokensOfPlace } from './entity-spans.ts';
import { firstTag, insideTag, tagCount } from './entity-tags.ts';
import { entitiesOf } from './find-entities.ts';
import { TextFeatures } from './text-features.ts';

const features = new TextFeatures({
  kind: 'hashed-ngrams-1',
  buckets: 64,
  charMin: 2,
  charMax: 2,
  wordBigrams: false,
  lowerCase: true,
  rowsMax: 4096,
});

const marked = (text: string, first: number, last = first): string => {
  const { start, end } = placeOfTokens(text, features.withTokens(text).bounds, { first, last });
  return text.slice(start, end);
};

describe('placeOfTokens', () => {
  it.each([
    ['Play Blues Britânico now', 1, 3, 'Blues Britânico'],
    ["turn on tom's lamp", 2, 2, 'tom'],
    ['turn on Tom’s lamp', 2, 2, 'Tom'],
    ["play sgt pepper's", 1, 2, 'sgt pepper'],
    ['what is a u. s. d. worth', 3, 5, 'u. s. d.'],
    ['the İstanbul lamp, please', 3, 3, 'lamp'],
    ['set it to 20%.', 3, 3, '20'],
  ])('marks in %j tokens %i to %i as %j', (text, first, last, expected) => {
    expect(marked(text, first, last)).toBe(expected);
  });
});

describe('tokensOfPlace', () => {
  it('gives the tokens that a place touches, or none', () => {
    const text = 'dim the bed room, now';
    const { bounds } = features.withTokens(text);
    expect(tokensOfPlace(bounds, { start: 8, end: 16 })).toEqual({ first: 2, last: 3 });
    expect(tokensOfPlace(bounds, { start: 16, end: 18 })).toBeUndefined();
  });
});

describe('joinedTokens', () => {
  it('tells which tokens no white space parts from the one before', () => {
    const text = 'the u-roy: trio';
    expect(Array.from(joinedTokens(text, features.withTokens(text).bounds))).toEqual([0, 0, 1, 0]);
  });
});

describe('entitiesOf', () => {
  const types: { name: string; value?: ValueKind }[] = [{ name: 'level', value: 'number' }, { name: 'area' }];
  const tags = tagCount(types.length);
  const scored = (wanted: readonly number[]): Float32Array => {
    const scores = new Float32Array(wanted.length * tags);
    wanted.forEach((tag, token) => (scores[token * tags + tag] = 5));
    return scores;
  };

  it('gives type, place and value', () => {
    const text = 'dim Kitchen to twenty five';
    const { bounds } = features.withTokens(text);
    const wanted = [0, firstTag(1), 0, firstTag(0), insideTag(0)];
    expect(entitiesOf(scored(wanted), { text, bounds, types })).toEqual([
      { type: 'area', start: 4, end: 11 },
      { type: 'level', start: 15, end: 26, value: { kind: 'number', number: 25 } },
    ]);
  });

  it('gives no value where the words are none', () => {
    const { bounds } = features.withTokens('much');
    expect(entitiesOf(scored([firstTag(0)]), { text: 'much', bounds, types })).toEqual([
      { type: 'level', start: 0, end: 4 },
    ]);
  });
});
