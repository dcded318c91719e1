import { type GateSignal, type RolloutCourse, rolloutPlanSchema } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { forecastLines } from './forecast-text.ts';
import { courseLines } from './rollout-text.ts';
import { Terminal } from './terminal.ts';
import type { World } from './world.ts';

const sink = { write: () => undefined, isTTY: false, columns: 80 };
const terminal = new Terminal({ env: {}, stdout: sink, stderr: sink } as unknown as World, { json: false });

const wave = (change: Partial<RolloutCourse['waves'][number]>) => ({
  ...{ quota: 2, given: 2, succeeded: 2, failed: 0, open: 0, away: 0, back: 0 },
  ...change,
});

const course = (change: Partial<RolloutCourse> = {}): RolloutCourse => ({
  plan: rolloutPlanSchema.parse({ waves: [{ count: 2 }, { percent: 50 }, { devices: ['a', 'b'] }] }),
  ...{ phase: 'running', wave: 1, waves: [wave({}), wave({ quota: 5, given: 3, succeeded: 1, open: 2 })] },
  ...{ former: null, startedAt: 1, waveAt: 1, finishedAt: null, reason: null, gate: null },
  ...change,
});

const lines = (change: Partial<RolloutCourse> = {}): string[] =>
  courseLines(terminal, { course: course(change) });

const signal = (change: Partial<GateSignal>): GateSignal => ({
  ...{ signal: 'pairs', exposed: 0.01, control: 0.11, change: 0.1, margin: 0.005, evidence: 1, needed: 250 },
  ...change,
});

describe('a rollout in words', () => {
  it('is nothing where it has no waves', () => {
    expect(courseLines(terminal, { course: null })).toEqual([]);
  });

  it('says where it is, and how each wave went', () => {
    expect(lines()).toEqual([
      'phase running',
      '✓ wave 1 (first 2, up to 2): 2 have it, 2 run it',
      '› wave 2 (50 %, up to 5): 3 have it, 1 run it, 2 at work',
    ]);
    const all = [
      wave({}),
      wave({}),
      wave({ failed: 1, away: 3 }),
      wave({ quota: 9, given: 0, succeeded: 0, back: 2 }),
    ];
    expect(lines({ waves: all, phase: 'done', wave: 3 }).slice(3)).toEqual([
      '✓ wave 3 (2 named, up to 2): 2 have it, 2 run it, 1 failed, 3 away',
      '✓ wave 4 (the rest, up to 9): 0 have it, 0 run it, 2 back to what they had',
    ]);
  });

  it('says why it stopped, and what its gate has seen', () => {
    const gate: RolloutCourse['gate'] = {
      ...{ at: 1, wave: 0, verdict: 'stopped', message: 'The gate found it.', decisions: 300, points: [] },
      devices: { exposed: 2, control: 3 },
      signals: [
        signal({ evidence: 250 }),
        signal({
          signal: 'latency',
          exposed: Math.log(61),
          control: Math.log(59),
          evidence: 1,
          needed: 1_000,
        }),
        signal({ signal: 'errors', exposed: null, control: null }),
      ],
    };
    const reason = { code: 'ROLLOUT_GATE_STOPPED', message: 'The gate found it.' } as const;
    const [why, verdict, pairs, latency, ...more] = lines({ gate, reason, phase: 'rolling-back' }).slice(3);
    expect(why).toBe('ROLLOUT_GATE_STOPPED: The gate found it.');
    expect(verdict).toBe('gate stopped: The gate found it. (300 decisions of 2 devices, against 3)');
    expect(pairs).toMatch(
      /^ {2}right where models differ +1\.00 % with it, +11\.00 % without; evidence 100 % of a stop$/,
    );
    expect(latency).toMatch(/time, µs +61 with it, +59 without; evidence 0 %/);
    expect(more).toEqual([]);
  });
});

describe('a forecast in words', () => {
  it('says when, how much, and who is not reached', () => {
    const found = forecastLines({
      at: 1,
      devices: { total: 10, withPresence: 9, withRate: 8, notReached: 1 },
      bytes: { total: 250_000, whole: 1_000_000 },
      throughS: 5_400,
      reached: [
        { percent: 50, afterS: 60 },
        { percent: 100, afterS: null },
      ],
      waves: [{ quota: 1, beginsS: 0, endsS: null }],
      notes: ['Approvals are given at once.'],
    });
    expect(found).toEqual([
      '10 devices; all waves through after 90 min, 250 kB would travel (75 % less than whole bundles)',
      'wave 1, up to 1: begins after 0 s, through not within its time',
      'run it: 50 % after 60 s, 100 % not within its time',
      'not reached within its time: 1',
      'presence is recorded of 9 of 10 devices, transfers of 8',
      'Approvals are given at once.',
    ]);
  });
});
