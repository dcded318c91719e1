import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeTrial } from './judge-trial.plan.ts';
import type { TrialFigures } from './trial-tally.ts';

const COST = { bytes: 1_000, microseconds: 40, rssBytes: 5e6 };
const COSTS = { candidate: COST, running: COST };
const FINE: TrialFigures = {
  inputs: 60,
  failed: 0,
  notFinite: 0,
  comparable: 50,
  disagreed: 2,
  abstained: 2,
  fastest: { inputs: 60, running: 40, candidate: 45 },
  memory: { running: 60e6, candidate: 61e6 },
};
const codeFor = (change: Partial<TrialFigures>, costs = COSTS): string | undefined =>
  judgeTrial({ ...FINE, ...change }, costs)?.code;

describe('what was seen of a new version', () => {
  it.each([
    ['fails', { failed: 1 }, 'MODEL_FAILS'],
    ['gives no numbers', { notFinite: 1 }, 'MODEL_NOT_FINITE'],
    ['gives other labels', { disagreed: 30 }, 'MODEL_DISAGREES'],
    ['gives other labels to all of a few', { comparable: 6, disagreed: 6, abstained: 0 }, 'MODEL_DISAGREES'],
    ['abstains', { abstained: 40 }, 'MODEL_ABSTAINS'],
    ['takes three times as long', { fastest: { inputs: 30, running: 40, candidate: 120 } }, 'MODEL_SLOW'],
    ['takes half as much memory again', { memory: { running: 60e6, candidate: 90e6 } }, 'MODEL_HEAVY'],
  ])('speaks against it when it %s', (_what, change, code) => {
    expect(codeFor(change)).toBe(code);
  });

  it.each([
    ['nothing was seen', { inputs: 0, comparable: 0, disagreed: 0, abstained: 0, memory: null }],
    ['one of two inputs got another label', { comparable: 2, disagreed: 1, abstained: 0 }],
    ['it is slower on too few inputs', { fastest: { inputs: 29, running: 40, candidate: 400 } }],
    ['it is slower by nothing that anyone notices', { fastest: { inputs: 60, running: 8, candidate: 30 } }],
    ['time stands still', { fastest: { inputs: 60, running: 0, candidate: 0 } }],
    ['it is heavier by little', { memory: { running: 20e6, candidate: 30e6 } }],
  ])('says nothing when %s', (_what, change) => {
    expect(codeFor(change)).toBeUndefined();
  });

  it('allows what the publisher has stated', () => {
    const stated = { candidate: { ...COST, microseconds: 200, rssBytes: 45e6 }, running: COST };
    expect(codeFor({ fastest: { inputs: 60, running: 40, candidate: 300 } }, stated)).toBeUndefined();
    expect(codeFor({ memory: { running: 60e6, candidate: 95e6 } }, stated)).toBeUndefined();
  });

  it('never speaks against a version for doing better', () => {
    const share = fc.integer({ min: 0, max: 50 });
    const seen = fc.check(
      fc.property(share, share, share, share, (disagreed, abstained, fewer, surer) => {
        const worse = codeFor({ disagreed, abstained });
        const better = codeFor({
          disagreed: Math.max(0, disagreed - fewer),
          abstained: Math.max(0, abstained - surer),
        });
        return worse !== undefined || better === undefined;
      }),
      { seed: 29 },
    );
    expect(seen).toMatchObject({ failed: false });
  });
});
