// Behaviour of explanations on shipped models: what is said of a word is what the runner says without it.
import { fileURLToPath } from 'node:url';
import {
  EXPLAINED_NGRAMS_TAGGING_MAX,
  EXPLAINED_WORDS_MAX,
  EXPLANATION_NGRAMS_MAX,
  type Explanation,
  explanationSchema,
  TEXT_BYTES_MAX,
} from '@nanofleet/protocol';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { TextRunner } from '../runner.ts';
import { loadTextRunner } from './load-runner.ts';
import { runsTogether } from './text-input.ts';
import { inspectBundle } from './verify-bundle.ts';

const SEED = 20261126;
const open = async (name: string): Promise<TextRunner> =>
  await loadTextRunner(
    await inspectBundle(fileURLToPath(new URL(`../../../bundles/${name}`, import.meta.url))),
  );
const runners = await Promise.all(['nano-s', 'household-2', 'entities-home'].map(open));
afterAll(async () => await Promise.all(runners.map((runner) => runner.release())));
/** In double precision, which `softmax` is not. */
function softmax64(logits: Float32Array, temperature: number): number[] {
  const powers = Array.from(logits, (logit) => Math.exp(logit / temperature));
  const sum = powers.reduce((before, power) => before + power, 0);
  return powers.map((power) => power / sum);
}

const explained = async (runner: TextRunner, text: string): Promise<Explanation> =>
  await runner.explain(text, await runner.decide(text));

/** Words and what stands between them, repeated ones and long texts included. */
const spokenTexts = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'turn',
        'the',
        'Kitchen',
        'light',
        'on',
        'what’s',
        'weather',
        '20',
        'Zoë',
        'please',
        'play',
      ),
      fc.constantFrom(' ', ' ', ', ', '-', ' … '),
    ),
    { minLength: 2, maxLength: 24 },
  )
  .map((pairs) => pairs.flat().join(''));

/** Texts that share a run share the scale of their activations, so their scores differ a little from those of each alone. */
const gapMaxOf = ({ manifest }: TextRunner): number =>
  runsTogether(manifest.inputs.map(({ name }) => name)) ? 0.3 : 1e-6;

const [nano] = runners as [TextRunner, ...TextRunner[]];

describe.each(runners)('an explanation by $line of $digest', (runner) => {
  it('names the words as they stand in the text', async () => {
    const { words } = await explained(runner, 'Turn the kitchen-light on, please');
    expect(words.map(({ word }) => word)).toEqual(['turn', 'the', 'kitchen', 'light', 'on', 'please']);
  });

  it('says of each word by how much the log-odds of the label fall in the text without it', async () => {
    await fc.assert(
      fc.asyncProperty(spokenTexts, async (text) => {
        const { logits: whole, labelIndex } = await runner.decide(text);
        const { words } = await runner.explain(text, { logits: whole });
        const oddsIn = (logits: Float32Array): number => {
          const share = softmax64(logits, runner.manifest.calibration.temperature)[labelIndex] ?? 0;
          return Math.log(share / (1 - share));
        };
        for (const { word, from, to, contribution } of words) {
          expect(text.slice(from, to).toLowerCase().replace('’', "'")).toBe(word);
          const { logits } = await runner.decide(text.slice(0, from) + text.slice(to));
          const gap = contribution - (oddsIn(whole) - oddsIn(logits));
          expect(Math.abs(gap)).toBeLessThan(gapMaxOf(runner));
        }
      }),
      { seed: SEED, numRuns: 20 },
    );
  });

  it('agrees with the confidence of the decision', async () => {
    const whole = await runner.decide('turn the light on please');
    const without = await runner.decide('turn the light on');
    expect(without.label).toBe(whole.label);
    const { words } = await explained(runner, 'turn the light on please');
    const odds = ({ confidence }: { confidence: number }): number => Math.log(confidence / (1 - confidence));
    const gap = odds(whole) - (words[4]?.contribution ?? 0) - odds(without);
    expect(Math.abs(gap)).toBeLessThan(gapMaxOf(runner));
  });

  it('gives few n-grams, the greatest contribution first', async () => {
    const { ngrams } = await explained(runner, 'turn the kitchen light on please');
    const sizes = ngrams.map(({ contribution }) => Math.abs(contribution));
    const isTagging = runner.manifest.entities !== undefined;
    expect(sizes).toHaveLength(isTagging ? EXPLAINED_NGRAMS_TAGGING_MAX : EXPLANATION_NGRAMS_MAX);
    expect(sizes).toEqual(sizes.toSorted((left, right) => right - left));
  });
});

describe('an explanation', () => {
  it('finds the word that matters', async () => {
    const { words, ngrams } = await explained(nano, "what's the weather going to be in new york tomorrow");
    const [strongest] = words.toSorted((left, right) => right.contribution - left.contribution);
    expect(strongest?.word).toBe('weather');
    expect(ngrams.some(({ ngram }) => 'the weather'.includes(ngram))).toBe(true);
  });

  it('has nothing to say of a text without a word', async () => {
    expect(await explained(nano, '語 …')).toMatchObject({ words: [], ngrams: [] });
  });

  it('holds a text of one word against no text', async () => {
    const { words } = await explained(nano, 'weather');
    expect(words).toMatchObject([{ word: 'weather', from: 0, to: 7 }]);
  });

  it('keeps to its bounds for the longest text', async () => {
    const longest = await explained(nano, 'on '.repeat(TEXT_BYTES_MAX / 3 - 1));
    expect(longest.words).toHaveLength(EXPLAINED_WORDS_MAX);
    expect(explanationSchema.safeParse(longest).success).toBe(true);
  });

  it('refuses what may not be asked', async () => {
    await expect(nano.explain(' ', await nano.decide('on'))).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
  });
});
