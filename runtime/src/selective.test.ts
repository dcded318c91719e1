// Behaviour of judging what is kept: known curves, order of equals, weights as repetitions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  areaUnderRisk,
  excessAreaUnderRisk,
  keptFrom,
  mixWeights,
  offloadNeeded,
  riskCoverage,
  type WeighedAnswer,
} from './selective.ts';

const answer = (trust: number, wrong: boolean, weight = 1): WeighedAnswer => ({ trust, wrong, weight });
const answers = fc.array(
  fc.record({
    trust: fc.integer({ min: 0, max: 9 }),
    wrong: fc.boolean(),
    weight: fc.integer({ min: 1, max: 3 }),
  }),
  { minLength: 1, maxLength: 40 },
);
const property = (check: (given: readonly WeighedAnswer[]) => void): void =>
  fc.assert(fc.property(answers, check), { seed: 7, numRuns: 200 });

describe('areaUnderRisk', () => {
  it('is the mean risk over the coverages', () => {
    const given = [answer(4, false), answer(3, true), answer(2, false), answer(1, true)];
    expect(areaUnderRisk(given)).toBeCloseTo((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4, 12);
    expect(excessAreaUnderRisk(given)).toBeCloseTo((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4 - (1 / 3 + 2 / 4) / 4, 12);
  });

  it('does not depend on the order of the list, nor on the scale of trust or weights', () => {
    property((given) => {
      const area = areaUnderRisk(given);
      expect(areaUnderRisk(given.toReversed())).toBeCloseTo(area, 10);
      const scaled = given.map(({ trust, wrong, weight }) => answer(Math.exp(trust), wrong, weight / 7));
      expect(areaUnderRisk(scaled)).toBeCloseTo(area, 10);
    });
  });

  it('has no excess for a perfect order, and never less than none', () => {
    const given = [answer(3, false), answer(2, false), answer(1, true)];
    expect(excessAreaUnderRisk(given)).toBeCloseTo(0, 12);
    fc.assert(
      fc.property(answers, (drawn) => {
        const equal = drawn.map(({ trust, wrong }) => answer(trust, wrong));
        expect(excessAreaUnderRisk(equal)).toBeGreaterThanOrEqual(-1e-12);
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});

describe('rules of what to keep', () => {
  it('split everything into right or wrong, kept or sent, and agree with the curve', () => {
    property((given) => {
      const total = given.reduce((sum, { weight }) => sum + weight, 0);
      const right = given.reduce((sum, { wrong, weight }) => sum + (wrong ? 0 : weight), 0) / total;
      const { offload, wronglyKept, needlesslySent } = keptFrom(given, 5);
      expect(1 - offload - wronglyKept + needlesslySent).toBeCloseTo(right, 10);
      const all = riskCoverage(given).at(-1);
      expect(all?.coverage).toBeCloseTo(1, 10);
      expect(all?.risk).toBeCloseTo(1 - right, 10);
    });
  });

  it('send nothing where accuracy suffices, and only what they must', () => {
    const given = [answer(4, false), answer(3, false), answer(2, true), answer(1, false)];
    expect(offloadNeeded(given, 0.75)).toBe(0);
    expect(offloadNeeded(given, 1)).toBe(0.5);
  });

  it('weigh a sample as the mix that was asked for', () => {
    const weights = mixWeights({ inScope: 300, outOfScope: 40 }, 0.18);
    expect(300 * weights.inScope).toBeCloseTo(0.82, 12);
    expect(40 * weights.outOfScope).toBeCloseTo(0.18, 12);
  });
});
