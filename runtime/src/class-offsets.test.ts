// Behaviour of offsets of thresholds: stricter where a model errs more, little from few texts, none from nothing.
import { describe, expect, it } from 'vitest';
import { certify } from './certify.ts';
import { classOffsets, moved } from './class-offsets.ts';
import { SeededDraws } from './testing/seeded-draws.ts';

describe('classOffsets', () => {
  it('makes a label that errs more than the others stricter, and one that errs less looser', () => {
    const [often = 0, seldom = 0, common = 0] = classOffsets({
      decided: [1000, 1000, 1000],
      wrong: [60, 10, 35],
    });
    expect(often).toBeGreaterThan(0.05);
    expect(seldom).toBeLessThan(-0.05);
    expect(common).toBeCloseTo(0, 10);
  });

  it('makes less of few texts', () => {
    const [many = 0, few = 0] = classOffsets({ decided: [1000, 10, 1000], wrong: [200, 2, 20] });
    expect(few).toBeGreaterThan(0);
    expect(few).toBeLessThan(many / 3);
  });

  it.each([
    ['no text', { decided: [0, 0], wrong: [0, 0] }],
    ['no error', { decided: [50, 60], wrong: [0, 0] }],
    ['nothing right', { decided: [50, 60], wrong: [50, 60] }],
  ])('is nothing for %s', (_, counts) => {
    expect(classOffsets(counts)).toEqual([0, 0]);
  });
});

describe('moved', () => {
  it('keeps the order, the ends, and with 0 the very number', () => {
    expect([0, 0.3, 0.7, 1].map((share) => moved(share, 0))).toEqual([0, 0.3, 0.7, 1]);
    expect(moved(0, 0.4)).toBe(0);
    expect(moved(1, -0.4)).toBe(1);
    expect(moved(0.5, 1)).toBeCloseTo(1 / (1 + Math.exp(-1)), 15);
    expect(moved(moved(0.9, 0.4), -0.4)).toBeCloseTo(0.9, 14);
  });
});

/** By label: how many times more often the model is wrong than its confidence says. */
const ERRING = [0.1, 0.3, 0.5, 0.8, 1.2, 1.5, 1.7, 1.9];

interface Decided {
  readonly label: number;
  readonly confidence: number;
  readonly outOfScope: number;
  readonly right: boolean;
}

function decided(random: SeededDraws, { outOfScope }: { readonly outOfScope: boolean }): Decided {
  const label = random.below(ERRING.length);
  const confidence = random.uniform() ** (outOfScope ? 0.3 : 0.05);
  const right = !outOfScope && random.uniform() >= (ERRING[label] ?? 1) * (1 - confidence);
  return { label, confidence, outOfScope: (outOfScope ? 0.2 : 0) + 0.4 * random.uniform(), right };
}

const drawn = (random: SeededDraws, [inScope, outOfScope]: readonly [number, number]) => ({
  inScope: Array.from({ length: inScope }, () => decided(random, { outOfScope: false })),
  outOfScope: Array.from({ length: outOfScope }, () => decided(random, { outOfScope: true })),
});

describe('thresholds that offsets tell apart', () => {
  const bound = { wrongKept: 0.03, outOfScopeKept: 0.45, delta: 0.1 };
  const TRIALS = 40;
  /** Of 40 trials that each break the bound with a chance of 0.1, more than 9 do in less than one case of a hundred. */
  const BROKEN_MAX = 9;
  /** Eighty certificates take ten seconds of a processor. */
  const SIMULATION_MS = 300_000;

  function tried(wrong: readonly number[]): { certified: number; broken: number; kept: number } {
    const random = new SeededDraws(29);
    const offsets = classOffsets({ decided: wrong.map(() => 1000), wrong });
    const seen = ({ confidence, label, ...text }: Decided) => ({
      ...text,
      confidence: moved(confidence, -(offsets[label] ?? 0)),
    });
    const fresh = drawn(random, [10_000, 2000]);
    let [certified, broken, kept] = [0, 0, 0];
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const { inScope, outOfScope } = drawn(random, [1000, 200]);
      const texts = { inScope: inScope.map(seen), outOfScope: outOfScope.map(seen) };
      const found = certify(texts, { bound, coverage: { inScope: 0.99 } });
      if (!found.certified) continue;
      const thresholds = offsets.map((offset) => moved(found.confidence, offset));
      const isKept = (text: Decided): boolean =>
        text.outOfScope < found.outOfScope && text.confidence >= (thresholds[text.label] ?? 1);
      const answered = fresh.inScope.filter(isKept);
      const wrongly = answered.filter(({ right }) => !right).length / answered.length;
      const through = fresh.outOfScope.filter(isKept).length / fresh.outOfScope.length;
      certified += 1;
      kept += answered.length / fresh.inScope.length / TRIALS;
      if (wrongly > bound.wrongKept || through > bound.outOfScopeKept) broken += 1;
    }
    return { certified, broken, kept };
  }

  it(
    'keep the bound on fresh texts as often as promised, whether the offsets fit or not, and keep more where they fit',
    () => {
      const fitting = tried(ERRING.map((times) => 40 * times));
      const opposite = tried(ERRING.toReversed().map((times) => 40 * times));
      for (const { certified, broken } of [fitting, opposite]) {
        expect(certified).toBeGreaterThan(TRIALS / 2);
        expect(broken).toBeLessThanOrEqual(BROKEN_MAX);
      }
      expect(fitting.kept).toBeGreaterThan(opposite.kept);
    },
    SIMULATION_MS,
  );
});
