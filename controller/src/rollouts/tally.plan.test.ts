import type { Digest, LineFigures } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { type Counts, NO_COUNTS, NO_TALLY, type Tally, type Told, tallied } from './tally.plan.ts';

const old = 'a'.repeat(64) as Digest;
const now = 'b'.repeat(64) as Digest;

const figures = (decisions: number, change: Partial<LineFigures> = {}): LineFigures => ({
  ...{ decisions, unsure: 0, outOfScope: 0, offloaded: 0, compared: 0, agreed: 0, errors: 0 },
  micros: { p50: 100, p95: 200, p99: 300 },
  scores: Array.from({ length: 10 }, (_, bin) => (bin === 9 ? decisions : 0)),
  ...change,
});

const told = (digest: Digest, of: LineFigures, instance = 'one'): Told => ({ instance, digest, figures: of });

/** The tally of a device after some beats, each before or after the rollout has begun. */
const after = (...beats: readonly (readonly [Told, isBegun: boolean])[]): Tally =>
  beats.reduce((tally, [beat, isBegun]) => tallied(tally, beat, { digest: now, isBegun }), NO_TALLY);

const decided = ({ before, during }: Tally): [number, number] => [before.decisions, during.decisions];

describe('the tally of a device', () => {
  it('counts what beats add, not what they repeat', () => {
    const beat = [told(old, figures(40)), false] as const;
    expect(decided(after(beat, beat, [told(old, figures(55)), false]))).toEqual([55, 0]);
  });

  it('adds what a process counts anew after a restart', () => {
    const tally = after([told(old, figures(40)), false], [told(old, figures(5), 'two'), false]);
    expect(decided(tally)).toEqual([45, 0]);
    const behind = after([told(old, figures(40)), false], [told(old, figures(7)), false]);
    expect(decided(behind)).toEqual([47, 0]);
  });

  it('has a device without the bundle for control once somebody has it', () => {
    const tally = after([told(old, figures(40)), false], [told(old, figures(50)), true]);
    expect([tally.arm, decided(tally)]).toEqual(['control', [40, 10]]);
  });

  it('makes all that a device did without the bundle its past once it runs it', () => {
    const beats = [
      [told(old, figures(40)), false],
      [told(old, figures(50)), true],
      [told(now, figures(3)), true],
      [told(now, figures(9)), true],
    ] as const;
    expect([after(...beats).arm, decided(after(...beats))]).toEqual(['exposed', [50, 9]]);
    const back = after(...beats, [told(old, figures(20)), true]);
    expect([back.arm, decided(back)]).toEqual(['exposed', [70, 9]]);
  });

  it('follows pairs down as well as up', () => {
    const pairs = (judged: number, newRight: number) => ({
      pairs: { inputs: 100, judged, newRight, oldRight: 2 },
    });
    const up = after([told(now, figures(100, pairs(100, 0))), true]);
    expect(up.during).toMatchObject({ comparing: 1, paired: 100, judged: 100, oldRight: 2 });
    const down = tallied(up, told(now, figures(100, pairs(60, 1))), { digest: now, isBegun: true });
    expect(down.during).toMatchObject({ paired: 100, judged: 60, newRight: 1, oldRight: 2 });
  });

  it('knows that a device compares before it has compared anything, and that it has given up', () => {
    const pairs = { inputs: 0, judged: 0, newRight: 0, oldRight: 0 };
    const begun = after([told(now, figures(3, { pairs })), true]);
    expect(begun.during).toMatchObject({ comparing: 1, paired: 0 });
    const givenUp = tallied(begun, told(now, figures(4)), { digest: now, isBegun: true });
    expect(givenUp.during.comparing).toBe(0);
  });

  it('sums up scores and times so that their means are those of a decision', () => {
    const { during } = after([told(now, figures(10)), true]);
    expect(during.scores / during.decisions).toBeCloseTo(0.95, 6);
    expect(during.latency / during.decisions).toBeCloseTo(Math.log(100), 6);
    const idle = after([told(now, figures(0, { micros: { p50: 0, p95: 0, p99: 0 } })), true]);
    expect(idle.during).toEqual(NO_COUNTS);
  });

  it('goes on with what was stored before a count was known', () => {
    const { paired: _, ...stored } = { ...NO_COUNTS, decisions: 5 };
    const tally: Tally = { arm: 'exposed', before: NO_COUNTS, during: stored as Counts, last: null };
    const next = tallied(tally, told(now, figures(2)), { digest: now, isBegun: true });
    expect(next.during).toMatchObject({ decisions: 7, paired: 0 });
  });
});
