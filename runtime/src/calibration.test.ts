// Behaviour of calibration on made-up logits: the shares that pass, and what is refused.
import { describe, expect, it } from 'vitest';
import { type CalibrationTexts, calibrate, calibrateForBound } from './calibration.ts';
import { scoreLogits } from './scoring.ts';
import { SeededDraws } from './testing/seeded-draws.ts';

const LABELS = ['a', 'b', 'c', 'd'];

// In-scope logits have a clear winner that is right nine times of ten; out-of-scope ones are flat.
function texts(random = new SeededDraws(5)): CalibrationTexts {
  const row = (winner: number, height: number): Float32Array =>
    Float32Array.from(LABELS, (_, label) => random.normal() + (label === winner ? height : 0));
  const gold = Int32Array.from({ length: 800 }, (_, index) => index % 4);
  const inScope = Array.from(gold, (label) =>
    row(random.uniform() < 0.9 ? label : random.below(4), 4 + 2 * random.uniform()),
  );
  return { inScope, gold, outOfScope: Array.from({ length: 200 }, () => row(0, 0)) };
}

function shares(
  given: CalibrationTexts,
  coverage: { inScope: number; sure: number },
): { sure: number; passed: number; refused: number } {
  const fitted = { ...calibrate(given, LABELS, coverage), labels: LABELS };
  const share = (rows: readonly Float32Array[], verdicts: readonly string[]): number =>
    rows.filter((logits) => verdicts.includes(scoreLogits(logits, fitted).verdict)).length / rows.length;
  return {
    sure: share(given.inScope, ['sure']),
    passed: share(given.inScope, ['sure', 'unsure']),
    refused: share(given.outOfScope, ['unsure', 'out-of-scope']),
  };
}

describe('calibrate', () => {
  it('lets the wanted shares of in-scope texts pass', () => {
    const { sure, passed } = shares(texts(), { inScope: 0.97, sure: 0.9 });
    expect(sure).toBeCloseTo(0.9, 1);
    expect(Math.abs(passed - 0.97)).toBeLessThan(0.01);
  });

  it('refuses most out-of-scope texts although none was learned', () => {
    expect(shares(texts(), { inScope: 0.97, sure: 0.9 }).refused).toBeGreaterThan(0.8);
  });

  it('works without a single out-of-scope text', () => {
    const { passed } = shares({ ...texts(), outOfScope: [] }, { inScope: 0.95, sure: 0.85 });
    expect(Math.abs(passed - 0.95)).toBeLessThan(0.01);
  });
});

const BOUND = { wrongKept: 0.1, outOfScopeKept: 0.3, delta: 0.1 };
const COVERAGE = { inScope: 0.97, sure: 0.9 };

/** What fitted thresholds let through as sure, as the manifest's certificate counts it. */
function counts(given: CalibrationTexts, fitted: Omit<ReturnType<typeof calibrateForBound>, 'certified'>) {
  const sure = (logits: Float32Array) => {
    const { verdict, labelIndex } = scoreLogits(logits, { ...fitted, labels: LABELS });
    return { isSure: verdict === 'sure', labelIndex };
  };
  const answers = given.inScope.map((logits, at) => ({ ...sure(logits), gold: given.gold[at] }));
  const kept = answers.filter(({ isSure }) => isSure);
  return {
    inScopeKept: kept.length,
    wrong: kept.filter(({ labelIndex, gold }) => labelIndex !== gold).length,
    outOfScope: given.outOfScope.length,
    outOfScopeKept: given.outOfScope.filter((logits) => sure(logits).isSure).length,
  };
}

describe('calibrateForBound', () => {
  it('keeps the bound on its texts and on others, and records both bound and counts', () => {
    const given = texts();
    const fitted = calibrateForBound(given, LABELS, { coverage: COVERAGE, bound: BOUND });
    expect(fitted.certified.certified).toBe(true);
    expect(fitted.thresholds.bound).toEqual({ ...BOUND, certifiedWith: counts(given, fitted) });
    for (const seed of [6, 7, 8]) {
      const { inScopeKept, wrong, outOfScope, outOfScopeKept } = counts(texts(new SeededDraws(seed)), fitted);
      expect(wrong / inScopeKept).toBeLessThanOrEqual(BOUND.wrongKept);
      expect(outOfScopeKept / outOfScope).toBeLessThanOrEqual(BOUND.outOfScopeKept);
    }
  });

  it('has one confidence for all labels without texts apart, and temperature and score as without a bound', () => {
    const given = texts();
    const { calibration, thresholds } = calibrateForBound(given, LABELS, {
      coverage: COVERAGE,
      bound: BOUND,
    });
    expect(thresholds.confidence).toHaveLength(LABELS.length);
    expect(new Set(thresholds.confidence).size).toBe(1);
    expect(calibration).toEqual(calibrate(given, LABELS, COVERAGE).calibration);
  });

  it('gives each label its own threshold by how the model errs on texts apart, and records what these keep', () => {
    const apart = { decided: [400, 400, 400, 400], wrong: [120, 30, 30, 0] };
    for (const seed of [5, 6, 7, 8]) {
      const given = texts(new SeededDraws(seed));
      const fitted = calibrateForBound(given, LABELS, { coverage: COVERAGE, bound: BOUND, apart });
      const [worst = 0, usual, same, best = 1] = fitted.thresholds.confidence;
      expect(worst).toBeGreaterThan(usual ?? 1);
      expect(usual).toBe(same);
      expect(best).toBeLessThan(usual ?? 0);
      expect(fitted.thresholds.bound).toEqual({ ...BOUND, certifiedWith: counts(given, fitted) });
    }
  });

  it('records what is promised of the texts that come next', () => {
    const next = { inScope: 800, outOfScope: 200 };
    const { thresholds } = calibrateForBound(texts(), LABELS, {
      coverage: COVERAGE,
      bound: { ...BOUND, next },
    });
    expect(thresholds.bound).toMatchObject({ ...BOUND, next });
  });

  // One text in ten has the wrong label however sure the model is.
  it.each([
    ['wrong answers', { ...BOUND, wrongKept: 0.005 }, 'wrongKept'],
    ['out-of-scope texts', { ...BOUND, outOfScopeKept: 1e-4 }, 'outOfScopeKept'],
  ] as const)('says that a bound on %s does not hold, and records none', (_, bound, half) => {
    const { thresholds, certified } = calibrateForBound(texts(), LABELS, { coverage: COVERAGE, bound });
    expect(certified.certified).toBe(false);
    expect(certified[half].upper).toBeGreaterThan(bound[half]);
    expect(thresholds).not.toHaveProperty('bound');
  });

  it('certifies nothing without out-of-scope texts', () => {
    const given = { ...texts(), outOfScope: [] };
    const { certified } = calibrateForBound(given, LABELS, { coverage: COVERAGE, bound: BOUND });
    expect(certified).toMatchObject({ certified: false, outOfScopeKept: { count: 0, upper: 1 } });
  });
});
