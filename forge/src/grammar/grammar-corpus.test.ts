// Every grammar of this project gives sentences, the same ones each time.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grammarSentences } from './grammar-corpus.ts';

const CORPUS = join(import.meta.dirname, '..', '..', '..', 'corpus');
const corpus = (set: string, perLabel = 40) => ({
  folder: join(CORPUS, 'grammars', set),
  lists: join(CORPUS, 'lists'),
  perLabel,
  seed: 0,
});

describe('the grammars of this project', () => {
  it('have sentences for each of the 150 intents', async () => {
    const sentences = await grammarSentences(corpus('clinc150'));
    expect(new Set(sentences.map(({ label }) => label)).size).toBe(150);
    expect(sentences.length).toBeGreaterThan(150 * 40 * 0.9);
    expect(sentences).toEqual(await grammarSentences(corpus('clinc150')));
  });

  it('have sentences for each of the 64 intents of a home assistant', async () => {
    const sentences = await grammarSentences(corpus('hwu64'));
    expect(new Set(sentences.map(({ label }) => label)).size).toBe(64);
  });

  it('have sentences out of scope that are none of those of an intent', async () => {
    const known = new Set((await grammarSentences(corpus('clinc150', 200))).map(({ text }) => text));
    const outOfScope = await grammarSentences(corpus('out-of-scope', 200));
    expect(outOfScope.length).toBeGreaterThan(5000);
    expect(outOfScope.filter(({ text }) => known.has(text))).toEqual([]);
  });
});
