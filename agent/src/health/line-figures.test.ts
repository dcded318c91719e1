import { type Decision, digestSchema, lineFiguresSchema, lineIdSchema, parseId } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencySteps } from './latency-steps.ts';
import { type Doer, LineFigures } from './line-figures.ts';

const line = parseId(lineIdSchema, 'intent');
const doer = (letter: string): Doer => ({ line, digest: parseId(digestSchema, letter.repeat(64)) });
const one = doer('1');
const two = doer('2');

const figuresOf = (figures: LineFigures, { digest }: Doer) =>
  figures.onto({ [line]: { version: '1', releaseCounter: 1, digest } })[line]?.figures;

const decision = (of: Doer, change: Partial<Decision>): Decision =>
  ({ ...of, verdict: 'unsure', label: 'on', ...change }) as Decision;
const answer = { tier: 'mini', label: 'on', verdict: 'sure' } as Parameters<LineFigures['answered']>[1];

describe('the figures of a line', () => {
  it('count what the running version decides, and add up', () => {
    const outcome = fc.record({
      verdict: fc.constantFrom('sure', 'unsure', 'out-of-scope'),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      micros: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 60 }), (outcomes) => {
        const figures = new LineFigures();
        figures.began(one);
        for (const { micros, ...of } of outcomes) figures.decided(one, of, micros);
        const seen = lineFiguresSchema.parse(figuresOf(figures, one));
        const count = (verdict: string): number => outcomes.filter((of) => of.verdict === verdict).length;
        expect(seen).toMatchObject({
          decisions: outcomes.length,
          unsure: count('unsure'),
          outOfScope: count('out-of-scope'),
        });
        expect(seen.scores.reduce((sum, bin) => sum + bin, 0)).toBe(outcomes.length);
      }),
      { seed: 29 },
    );
  });

  it('begin anew with another version, and leave out what the one before still ends', () => {
    const figures = new LineFigures();
    figures.began(one);
    figures.decided(one, { verdict: 'sure', confidence: 1 }, 40);
    figures.began(one);
    expect(figuresOf(figures, one)?.decisions).toBe(1);
    figures.began(two);
    figures.decided(one, { verdict: 'sure', confidence: 1 }, 40);
    figures.offloaded(one);
    figures.failed(two);
    expect(figuresOf(figures, two)).toMatchObject({ decisions: 0, offloaded: 0, errors: 1 });
    expect(figuresOf(figures, one)).toBeUndefined();
  });

  it.each([
    ['the same label agrees', {}, {}, { compared: 1, agreed: 1 }],
    ['another one does not', {}, { label: 'off' }, { compared: 1, agreed: 0 }],
    [
      'none of the labels agrees with itself',
      { verdict: 'out-of-scope', label: 'off' },
      { verdict: 'out-of-scope', label: null },
      { compared: 1, agreed: 1 },
    ],
    ['none of the labels is no label', {}, { verdict: 'out-of-scope' }, { compared: 1, agreed: 0 }],
    ['who does not know compares nothing', {}, { verdict: 'unsure' }, { compared: 0, agreed: 0 }],
    ['nobody compares nothing', {}, { tier: null }, { compared: 0, agreed: 0 }],
  ] as const)('compare with a bigger tier: %s', (_what, own, other, expected) => {
    const figures = new LineFigures();
    figures.began(one);
    figures.answered(decision(one, own), { ...answer, ...other });
    expect(figuresOf(figures, one)).toMatchObject(expected);
  });
});

describe('pairs of two versions', () => {
  const paired = (): LineFigures => {
    const figures = new LineFigures();
    figures.began(one);
    figures.paired(one);
    return figures;
  };
  const pairsOf = (figures: LineFigures) => figuresOf(figures, one)?.pairs;

  it('are left out until the version before runs, and count from then on', () => {
    const figures = new LineFigures();
    figures.began(one);
    figures.pairSettled(one, 'same');
    expect(figuresOf(figures, one)).not.toHaveProperty('pairs');
    figures.paired(one);
    figures.pairSettled(one, 'same');
    figures.pairSettled(one, 'old');
    figures.paired(one);
    expect(pairsOf(figures)).toEqual({ inputs: 2, judged: 2, newRight: 0, oldRight: 1 });
  });

  it('take those on which both said the same by the share of the others that was judged', () => {
    const figures = paired();
    for (let at = 0; at < 100; at += 1) figures.pairSettled(one, 'same');
    expect(pairsOf(figures)?.judged).toBe(100);
    for (let at = 0; at < 4; at += 1) figures.pairOpened(one);
    expect(pairsOf(figures)).toMatchObject({ inputs: 104, judged: 0 });
    figures.pairSettled(one, 'new', { wasOpen: true });
    figures.pairSettled(one, 'unknown', { wasOpen: true });
    expect(pairsOf(figures)).toMatchObject({ inputs: 104, judged: 1 + 25, newRight: 1 });
    figures.pairSettled(one, 'neither', { wasOpen: true });
    figures.pairSettled(one, 'old', { wasOpen: true });
    expect(pairsOf(figures)).toEqual({ inputs: 104, judged: 3 + 75, newRight: 1, oldRight: 1 });
  });

  it('show the same loss however few of the answers come', () => {
    const lossOf = (isJudged: (at: number) => boolean): number => {
      const figures = paired();
      for (let at = 0; at < 900; at += 1) figures.pairSettled(one, 'same');
      for (let at = 0; at < 100; at += 1)
        figures.pairSettled(one, isJudged(at) ? (at % 10 < 8 ? 'old' : 'new') : 'unknown');
      const { judged, newRight, oldRight } = pairsOf(figures) ?? { judged: 1, newRight: 0, oldRight: 0 };
      return (oldRight - newRight) / judged;
    };
    expect(lossOf(() => true)).toBeCloseTo(0.06, 6);
    expect(lossOf((at) => at < 30)).toBeCloseTo(0.06, 6);
  });
});

describe('latencies in steps', () => {
  it('give quantiles that are never below the true one, and at most a step above', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 1e8, noNaN: true }), { minLength: 1, maxLength: 200 }),
        (micros) => {
          const steps = new LatencySteps();
          for (const value of micros) steps.add(value);
          const sorted = micros.toSorted((a, b) => a - b);
          const exact = sorted[Math.ceil(0.95 * sorted.length) - 1] ?? 0;
          const { p95 } = steps.quantiles();
          expect(p95 / exact).toBeGreaterThan(0.995);
          expect(p95 / exact).toBeLessThan(1.1);
        },
      ),
      { seed: 29 },
    );
  });
});
