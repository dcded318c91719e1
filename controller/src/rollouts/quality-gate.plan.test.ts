import { rolloutGateSchema } from '@nanofleet/protocol';
import { makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { evidenceAbove, evidenceOfLosses, normalOfStudent, normalShare } from './evidence.plan.ts';
import { judged, pairsOf } from './quality-gate.plan.ts';
import { type Counts, NO_COUNTS, type Tally } from './tally.plan.ts';

const gate = rolloutGateSchema.parse({});

const tally = (arm: Tally['arm'], during: Partial<Counts>, before: Partial<Counts> = {}): Tally => ({
  arm,
  before: { ...NO_COUNTS, ...before },
  during: { ...NO_COUNTS, ...during },
  last: null,
});

const arms = (exposed: Partial<Counts>, control: Partial<Counts>, devices = 20) => ({
  exposed: Array.from({ length: devices }, (_, at) =>
    tally(
      'exposed',
      { decisions: 1_000, ...exposed, notSure: (exposed.notSure ?? 50) + (at % 5) },
      { decisions: 1_000, notSure: 50 },
    ),
  ),
  control: Array.from({ length: devices }, (_, at) =>
    tally(
      'control',
      { decisions: 1_000, ...control, notSure: (control.notSure ?? 50) + (at % 5) },
      { decisions: 1_000, notSure: 50 },
    ),
  ),
});

describe('evidence', () => {
  it('knows the normal distribution, and the tails of Student', () => {
    expect(normalShare(1.96)).toBeCloseTo(0.975, 3);
    expect(normalShare(-1.96)).toBeCloseTo(0.025, 3);
    // A t of 2.262 with 9 degrees of freedom has the tail of 0.025.
    expect(normalOfStudent(2.262, 9)).toBeCloseTo(1.96, 1);
  });

  it('is 1 without anything seen, grows with what speaks for it, and falls with what speaks against', () => {
    expect(evidenceOfLosses({ losses: 0, wins: 0, chance: 0.5 })).toBeCloseTo(1, 6);
    expect(evidenceOfLosses({ losses: 12, wins: 0, chance: 0.5 })).toBeGreaterThan(250);
    expect(evidenceOfLosses({ losses: 50, wins: 50, chance: 0.5 })).toBeLessThan(1);
    expect(evidenceAbove({ estimate: 4, variance: 1, spread: 1 })).toBeGreaterThan(20);
    expect(evidenceAbove({ estimate: -4, variance: 1, spread: 1 })).toBeLessThan(0.3);
  });

  it('comes above a bound no more often than promised, however often one looks', () => {
    const random = makeSeededRandom(20_261_127);
    let stops = 0;
    for (let trial = 0; trial < 200; trial += 1) {
      let losses = 0;
      for (let seen = 1; seen <= 120; seen += 1) {
        losses += random.share() < 0.5 ? 1 : 0;
        if (evidenceOfLosses({ losses, wins: seen - losses, chance: 0.5 }) >= 20) {
          stops += 1;
          break;
        }
      }
    }
    expect(stops / 200).toBeLessThanOrEqual(0.05);
  });
});

describe('a quality gate', () => {
  const look = (given: ReturnType<typeof arms>, sinceS = 60) => judged({ gate, ...given, sinceS });

  it('passes a wave that has decided enough and is like the others', () => {
    expect(look(arms({}, {}))).toMatchObject({ verdict: 'passed', decisions: 20_000 });
  });

  it('collects until there are enough decisions, and is unclear after its time', () => {
    const few = arms({ decisions: 5, notSure: 0 }, {});
    expect([look(few).verdict, look(few, gate.deadlineS).verdict]).toEqual(['collecting', 'unclear']);
  });

  it.each([
    ['offload', { offloaded: 300 }],
    ['errors', { errors: 20 }],
    ['latency', { latency: 1_000 * Math.log(3) }],
    ['score', { scores: 200 }],
    ['agreement', { compared: 100, agreed: 40 }],
  ] as const)('stops at %s, which got worse than is let pass', (signal, worse) => {
    const given = arms({ compared: 100, agreed: 80, ...worse }, { compared: 100, agreed: 80 });
    // Shares without any spread between devices say nothing.
    const spread = given.exposed.map((each, at) => ({
      ...each,
      during: {
        ...each.during,
        decisions: each.during.decisions + at,
        compared: each.during.compared + (at % 3),
      },
    }));
    const finding = look({ ...given, exposed: spread });
    const found = finding.signals.find(({ evidence, needed }) => evidence >= needed);
    expect([finding.verdict, found?.signal]).toEqual(['stopped', signal]);
  });

  it('stops at decisions that are not sure any more', () => {
    expect(look(arms({ notSure: 150 }, {}))).toMatchObject({ verdict: 'stopped' });
  });

  it('stops where the model before is right more often, also with one device', () => {
    const one = [
      tally('exposed', { decisions: 60, comparing: 1, paired: 60, judged: 60, newRight: 0, oldRight: 14 }),
    ];
    const finding = judged({ gate, exposed: one, control: [], sinceS: 60 });
    expect(finding.verdict).toBe('stopped');
    expect(finding.message).toContain('worse by 23.33 points');
  });

  it('does not pass before a harm that matters is excluded', () => {
    const pairs = (judgedCount: number) =>
      judged({
        gate,
        exposed: [
          tally('exposed', {
            ...{ decisions: judgedCount, comparing: 1, paired: judgedCount, judged: judgedCount },
            ...{ newRight: 5, oldRight: 5 },
          }),
        ],
        control: [],
        sinceS: 60,
      }).verdict;
    expect([pairs(300), pairs(20_000)]).toEqual(['collecting', 'passed']);
  });

  it('does not pass while devices are yet to compare, or nobody judges; but where none compares', () => {
    const verdict = (counts: Partial<Counts>) =>
      judged({
        ...{ gate, control: [], sinceS: 60 },
        exposed: [tally('exposed', { decisions: 500, ...counts })],
      }).verdict;
    expect([verdict({ comparing: 1 }), verdict({ comparing: 1, paired: 400 }), verdict({})]).toEqual([
      'collecting',
      'collecting',
      'passed',
    ]);
  });

  it('takes what one device says over and over for less than what many say', () => {
    const many = Array.from({ length: 20 }, () =>
      tally('exposed', { judged: 100, oldRight: 3, newRight: 1 }),
    );
    const loud = [
      tally('exposed', { judged: 100, oldRight: 60, newRight: 20 }),
      ...Array.from({ length: 19 }, () => tally('exposed', { judged: 100 })),
    ];
    expect(pairsOf(many).design).toBe(1);
    expect(pairsOf(loud).design).toBeGreaterThan(10);
  });
});
