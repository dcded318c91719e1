// Behaviour of certified thresholds: the bound holds on fresh draws as often as promised, and is refused where texts are too few.
import { describe, expect, it } from 'vitest';
import {
  type CertifyingTexts,
  certify,
  recordedBound,
  type StatedBound,
  shareOfDelta,
  shortfallOf,
  showsBroken,
} from './certify.ts';
import { SeededDraws } from './testing/seeded-draws.ts';

const BOUND = { wrongKept: 0.02, outOfScopeKept: 0.2, delta: 0.1 };
const COVERAGE = { inScope: 0.99 };

// Right as often as confidence says; out-of-scope texts are less confident and score higher.
function drawn(random: SeededDraws, [inScope, outOfScope]: readonly [number, number]): CertifyingTexts {
  const confidenceOf = (power: number): number => random.uniform() ** power;
  return {
    inScope: Array.from({ length: inScope }, () => {
      const confidence = confidenceOf(0.02);
      return { confidence, outOfScope: 0.4 * random.uniform(), right: random.uniform() < confidence };
    }),
    outOfScope: Array.from({ length: outOfScope }, () => ({
      confidence: confidenceOf(0.3),
      outOfScope: 0.2 + 0.8 * random.uniform(),
    })),
  };
}

describe('certify', () => {
  // Thresholds that are not certified promise nothing, so they break nothing; there must not be many.
  it('keeps both halves of the bound on fresh texts at least as often as promised', () => {
    const random = new SeededDraws(11);
    const fresh = drawn(random, [20_000, 4000]);
    let [promised, broken] = [0, 0];
    for (let trial = 0; trial < 60; trial += 1) {
      const { confidence, outOfScope, certified } = certify(drawn(random, [1000, 200]), {
        bound: BOUND,
        coverage: COVERAGE,
      });
      if (!certified) continue;
      promised += 1;
      const kept = (text: { confidence: number; outOfScope: number }): boolean =>
        text.confidence >= confidence && text.outOfScope < outOfScope;
      const answered = fresh.inScope.filter(kept);
      const wrong = answered.filter(({ right }) => !right).length / answered.length;
      const through = fresh.outOfScope.filter(kept).length / fresh.outOfScope.length;
      if (wrong > BOUND.wrongKept || through > BOUND.outOfScopeKept) broken += 1;
    }
    expect(promised).toBeGreaterThan(30);
    expect(broken / promised).toBeLessThanOrEqual(BOUND.delta);
  });

  it('promises of what is counted next as often as asked, which the true shares alone do not', () => {
    const random = new SeededDraws(17);
    const next = { inScope: 1000, outOfScope: 200 };
    const brokenWith = (bound: StatedBound): number => {
      let broken = 0;
      for (let trial = 0; trial < 100; trial += 1) {
        const found = certify(drawn(random, [1000, 200]), { bound, coverage: COVERAGE });
        const { inScope, outOfScope } = drawn(random, [next.inScope, next.outOfScope]);
        const kept = (text: { confidence: number; outOfScope: number }): boolean =>
          text.confidence >= found.confidence && text.outOfScope < found.outOfScope;
        const answered = inScope.filter(kept);
        const wrong = answered.filter(({ right }) => !right).length / answered.length;
        const through = outOfScope.filter(kept).length / outOfScope.length;
        if (found.certified && (wrong > bound.wrongKept || through > bound.outOfScopeKept)) broken += 1;
      }
      return broken / 100;
    };
    const sharesOnly = brokenWith(BOUND);
    const counted = brokenWith({ ...BOUND, next });
    expect(counted).toBeLessThanOrEqual(BOUND.delta);
    expect(sharesOnly).toBeGreaterThan(counted);
  });

  it('says what it can show, and how many texts it would take, where they are too few', () => {
    const few = certify(drawn(new SeededDraws(3), [80, 10]), { bound: BOUND, coverage: COVERAGE });
    expect(few.certified).toBe(false);
    expect(few.wrongKept.upper).toBeGreaterThan(BOUND.wrongKept);
    expect(shortfallOf(BOUND, few)).toMatch(/wrong among kept in-scope texts: \d+ of \d+ show at most/);
  });

  it('certifies nothing about out-of-scope texts without any', () => {
    const none = certify(drawn(new SeededDraws(3), [1000, 0]), { bound: BOUND, coverage: COVERAGE });
    expect(none.certified).toBe(false);
    expect(none.outOfScopeKept).toMatchObject({ count: 0, upper: 1, needed: 24 });
  });

  it('records the counts that it was certified with', () => {
    const found = certify(drawn(new SeededDraws(4), [2000, 300]), { bound: BOUND, coverage: COVERAGE });
    const { certifiedWith } = recordedBound(BOUND, found);
    expect(certifiedWith.outOfScope).toBe(300);
    expect(certifiedWith.inScopeKept).toBeGreaterThan(1000);
    expect(certifiedWith.wrong / certifiedWith.inScopeKept).toBeLessThan(BOUND.wrongKept);
  });

  it('says how many texts it takes for the next to keep the bound, or that none do', () => {
    // One of a hundred is wrong, all as sure as the others.
    const texts = {
      inScope: Array.from({ length: 200 }, (_, at) => ({ confidence: 0.9, outOfScope: 0.1, right: at > 1 })),
      outOfScope: Array.from({ length: 100 }, () => ({ confidence: 0.5, outOfScope: 0.9 })),
    };
    const asked = (next: StatedBound['next']): number | null =>
      certify(texts, { bound: { ...BOUND, next }, coverage: COVERAGE }).wrongKept.needed;
    expect(asked(undefined)).toBe(530);
    expect(asked({ inScope: 4000, outOfScope: 200 })).toBe(538);
    // 2 wrong of 60 would be beyond the bound, and come more often than one time in ten at this rate.
    expect(asked({ inScope: 60, outOfScope: 200 })).toBeNull();
  });

  it('shares out all of delta', () => {
    const { wrongKept, outOfScopeKept } = shareOfDelta(0.1);
    expect(wrongKept + outOfScopeKept).toBeCloseTo(0.1, 15);
  });
});

describe('counts that contradict a bound', () => {
  it.each([
    [0, 0, false],
    [100, 20, false],
    [100, 27, false],
    [100, 28, true],
    [20, 20, true],
  ])('of %i texts %i hits: %s', (count, hits, isBroken) => {
    expect(showsBroken({ count, hits }, 0.2)).toBe(isBroken);
  });
});
