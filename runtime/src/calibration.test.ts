// Behaviour of calibration on made-up logits: the shares that pass, and what is refused.
import { describe, expect, it } from 'vitest';
import { type CalibrationTexts, calibrate } from './calibration.ts';
import { scoreLogits } from './scoring.ts';
import { SeededDraws } from './testing/seeded-draws.ts';

const LABELS = ['a', 'b', 'c', 'd'];

// In-scope logits have a clear winner that is right nine times of ten; out-of-scope ones are flat.
function texts(): CalibrationTexts {
  const random = new SeededDraws(5);
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
