// Behaviour of scoring: verdicts at their thresholds, calibration, and honesty about broken logits.
import { describe, expect, it } from 'vitest';
import { softmax } from './metrics.ts';
import { nothingScored, scoreLogits } from './scoring.ts';

const given = {
  labels: ['on', 'off'],
  calibration: { temperature: 2, outOfScope: { kind: 'max-logit' as const, scale: -1, bias: 1 } },
  thresholds: { confidence: [0.7, 0.9], outOfScope: 0.5 },
};

const score = (...logits: number[]) => scoreLogits(Float32Array.from(logits), given);

describe('scoreLogits', () => {
  it('gives the calibrated probability of the greatest logit', () => {
    expect(score(3, 1)).toMatchObject({ label: 'on', labelIndex: 0 });
    expect(score(3, 1).confidence).toBeCloseTo(softmax([3, 1], 2)[0] ?? 0, 6);
  });

  it('is sure from the threshold of the very label on', () => {
    // Both have confidence 0.731; only the label "on" asks for 0.7.
    expect(score(3, 1).verdict).toBe('sure');
    expect(score(1, 3).verdict).toBe('unsure');
  });

  it('calls a low greatest logit out of scope, however confident', () => {
    expect(score(0.9, -20)).toMatchObject({ verdict: 'out-of-scope' });
    expect(score(0.9, -20).confidence).toBeGreaterThan(0.99);
    expect(score(1, -20).outOfScope).toBeCloseTo(0.5, 12);
  });

  it.each([
    ['energy', Math.log(Math.exp(2) + Math.exp(1))],
    ['max-probability', 1 / (1 + Math.exp(-0.5))],
  ] as const)('can take %s as the raw score', (kind, raw) => {
    const calibration = { temperature: 2, outOfScope: { kind, scale: -2, bias: 0.5 } };
    const { outOfScope } = scoreLogits(Float32Array.of(2, 1), { ...given, calibration });
    expect(outOfScope).toBeCloseTo(1 / (1 + Math.exp(2 * raw - 0.5)), 6);
  });

  it('is never sure of logits that are not numbers', () => {
    expect(score(Number.NaN, Number.NaN)).toMatchObject({
      verdict: 'out-of-scope',
      confidence: 0,
      outOfScope: 1,
    });
  });
});

describe('nothingScored', () => {
  it('is out of scope whatever the logits say', () => {
    expect(nothingScored(Float32Array.of(99, 0), given)).toMatchObject({
      verdict: 'out-of-scope',
      confidence: 0,
    });
  });
});
