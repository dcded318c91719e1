import { describe, expect, it } from 'vitest';
import { linearSettingsSchema } from './linear-shape.ts';
import { characterTerms, learnTerms, TfIdf, wordTerms } from './tf-idf.ts';

const settings = linearSettingsSchema.parse({ kind: 'linear', documentsMin: 1 });
const TEXTS = ['the cat sat', 'the dog', 'the cat the cat'];

describe('terms', () => {
  it('are runs of words, repeats included', () => {
    expect(wordTerms(['a', 'b', 'a'], { wordMax: 2 })).toEqual(['a', 'b', 'a', 'a b', 'b a']);
  });

  // scikit-learn 1.5, documentation of CountVectorizer, "Limitations of the Bag of Words representation".
  it('are character n-grams within words between blanks', () => {
    const terms = characterTerms(['jumpy', 'fox'], { charMin: 5, charMax: 5 });
    expect(terms.toSorted()).toEqual([' fox ', ' jump', 'jumpy', 'umpy ']);
  });

  it('hold a word that is too short for a length once', () => {
    expect(characterTerms(['i'], { charMin: 2, charMax: 5 })).toEqual([' i', 'i ', ' i ']);
    expect(characterTerms(['i'], { charMin: 4, charMax: 5 })).toEqual([' i ']);
  });

  it('count by texts: rare ones have no column, and the most frequent come first up to the bound', () => {
    expect(learnTerms(TEXTS, { ...settings, documentsMin: 2 }).words).toEqual(['the', 'cat', 'the cat']);
    expect(learnTerms(TEXTS, { ...settings, termsMax: 2 }).words).toEqual(['the', 'cat']);
    expect(learnTerms(TEXTS, { ...settings, termsMax: 4 }).words).toEqual([
      'the',
      'cat',
      'the cat',
      'cat sat',
    ]);
  });
});

describe('TfIdf', () => {
  const terms = learnTerms(TEXTS, settings);
  const tfIdf = new TfIdf(settings, terms);
  const valuesOf = (text: string): Map<string, number> => {
    const names = [...terms.words, ...terms.characters.map((term) => `${term}|`)];
    const { columns, values } = tfIdf.of(text);
    return new Map(Array.from(columns, (column, at) => [names[column] ?? '', values[at] ?? 0]));
  };
  const length = (values: readonly number[]): number => Math.hypot(...values);

  it('weighs by the logarithm of the count and the smoothed inverse document frequency', () => {
    const values = valuesOf('the cat the cat');
    const [the, cat] = [Math.log(4 / 4) + 1, Math.log(4 / 3) + 1];
    const twice = 1 + Math.log(2);
    const catThe = Math.log(4 / 2) + 1;
    const all = length([twice * the, twice * cat, twice * cat, catThe]);
    expect(values.get('the')).toBeCloseTo((twice * the) / all, 6);
    expect(values.get('the cat')).toBeCloseTo((twice * cat) / all, 6);
    expect(values.get('cat the')).toBeCloseTo(catThe / all, 6);
  });

  it('gives each block the length 1', () => {
    const values = [...valuesOf('The CAT, sat!')];
    const block = (characters: boolean): number[] =>
      values.filter(([name]) => name.endsWith('|') === characters).map(([, value]) => value);
    expect(length(block(false))).toBeCloseTo(1, 6);
    expect(length(block(true))).toBeCloseTo(1, 6);
  });

  it('says the same of a text after others, and nothing of one without known terms', () => {
    const before = tfIdf.of('the dog');
    tfIdf.of('the cat the cat');
    expect(tfIdf.of('the dog')).toEqual(before);
    expect(tfIdf.of('ψυχή')).toEqual({ columns: new Int32Array(0), values: new Float32Array(0) });
  });

  it('drops a term with its repeats and scales the rest', () => {
    let asked = 0;
    const { columns, values } = tfIdf.of('the cat the cat', () => (asked += 1) === 2);
    expect([...columns]).toEqual([terms.words.indexOf('cat')]);
    expect([...values]).toEqual([1]);
  });
});
