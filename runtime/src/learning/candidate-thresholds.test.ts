// Behaviour of a candidate's thresholds: its parent's bound where the examples show it, else no bound, and never more out-of-scope texts
// kept than by its parent.
import { describe, expect, it } from 'vitest';
import { nothingScored, scoreLogits } from '../scoring.ts';
import { SeededDraws } from '../testing/seeded-draws.ts';
import { candidateScoring } from './candidate-thresholds.ts';
import { OUT_OF_SCOPE_LABEL } from './examples.ts';
import type { ComputedExample, Scoring } from './judge.ts';

const LABELS = ['on', 'off', 'dim'];
const bound = {
  ...{ wrongKept: 0.02, outOfScopeKept: 0.2, delta: 0.1 },
  certifiedWith: { inScopeKept: 1_000, wrong: 5, outOfScope: 100, outOfScopeKept: 5 },
};
const parentOf = (promises: boolean): Scoring => ({
  labels: LABELS,
  calibration: { temperature: 1, outOfScope: { kind: 'max-logit', scale: -2, bias: 6 } },
  thresholds: { confidence: [0.7, 0.7, 0.7], outOfScope: 0.5, ...(promises ? { bound } : {}) },
});

/** Texts of which a share is answered wrong, then out-of-scope ones, whose greatest logit is `foreign` on average. */
const computed = (options: {
  inScope: number;
  wrong: number;
  outOfScope: number;
  foreign: number;
}): ComputedExample[] => {
  const draws = new SeededDraws(1);
  const example = (intent: string, label: number, height: number): ComputedExample => ({
    text: '',
    intent,
    isEmpty: false,
    logits: Float32Array.from(LABELS, (_, at) => (at === label ? height : 0) + 0.5 * draws.normal()),
  });
  return [
    ...Array.from({ length: options.inScope }, (_, at) => {
      const isWrong = draws.uniform() < options.wrong;
      return example(LABELS[at % 3] ?? '', (at + (isWrong ? 1 : 0)) % 3, 7);
    }),
    ...Array.from({ length: options.outOfScope }, () =>
      example(OUT_OF_SCOPE_LABEL, 0, options.foreign + draws.normal()),
    ),
  ];
};

const keptOf = (examples: readonly ComputedExample[], scoring: Scoring): number =>
  examples
    .filter(({ intent }) => intent === OUT_OF_SCOPE_LABEL)
    .filter(
      ({ isEmpty, logits }) => (isEmpty ? nothingScored : scoreLogits)(logits, scoring).verdict === 'sure',
    ).length;

describe('the thresholds of a candidate', () => {
  it('keep the bound of its parent where the examples show it, and say with what', () => {
    const examples = computed({ inScope: 900, wrong: 0.005, outOfScope: 100, foreign: 0 });
    const { scoring, shortfall } = candidateScoring(
      { parent: examples, candidate: examples },
      { names: LABELS, parent: parentOf(true) },
    );
    expect(shortfall).toBeNull();
    expect(scoring.thresholds.bound).toMatchObject({ wrongKept: 0.02, outOfScopeKept: 0.2, delta: 0.1 });
    expect(scoring.thresholds.bound?.certifiedWith).not.toEqual(bound.certifiedWith);
  });

  it.each([
    ['too few', { inScope: 60, wrong: 0, outOfScope: 60, foreign: 0 }, 'wrong among kept in-scope texts'],
    [
      'too often wrong',
      { inScope: 900, wrong: 0.3, outOfScope: 60, foreign: 0 },
      'wrong among kept in-scope texts',
    ],
    ['not out of scope', { inScope: 900, wrong: 0, outOfScope: 0, foreign: 0 }, 'out-of-scope texts kept'],
  ])('state none where the examples are %s, and say why', (_, given, why) => {
    const examples = computed(given);
    const { scoring, shortfall } = candidateScoring(
      { parent: examples, candidate: examples },
      { names: LABELS, parent: parentOf(true) },
    );
    expect(scoring.thresholds.bound).toBeUndefined();
    expect(shortfall).toContain(why);
  });

  it.each([true, false])(
    'keep no more out-of-scope texts than its parent does (which promises: %s)',
    (promises) => {
      const given = { inScope: 90, wrong: 0, outOfScope: 60 };
      const examples = {
        parent: computed({ ...given, foreign: 0 }),
        candidate: computed({ ...given, foreign: 5 }),
      };
      const parent = parentOf(promises);
      const { scoring } = candidateScoring(examples, { names: LABELS, parent });
      expect(keptOf(examples.candidate, scoring)).toBeLessThanOrEqual(keptOf(examples.parent, parent));
    },
  );

  it('need an example in scope', () => {
    const examples = computed({ inScope: 0, wrong: 0, outOfScope: 5, foreign: 0 });
    expect(() =>
      candidateScoring({ parent: examples, candidate: examples }, { names: LABELS, parent: parentOf(false) }),
    ).toThrow('no example in scope');
  });
});
