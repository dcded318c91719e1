import {
  type DeviceId,
  type Digest,
  type GroupId,
  type RolloutPlan,
  rolloutPlanSchema,
} from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { type Forecast, type ForecastDevice, forecasting, judgedNeeded } from './forecast.plan.ts';

const ALWAYS = { periodS: 86_400, knownS: 1e6, spells: [{ fromS: 0, untilS: 86_400 }] };
const NIGHT = { periodS: 86_400, knownS: 1e6, spells: [{ fromS: 36_000, untilS: 43_200 }] };
const NEVER = { periodS: 86_400, knownS: 1e6, spells: [] };

const device = (at: number, change: Partial<ForecastDevice> = {}): ForecastDevice => ({
  device: `home-${String(at).padStart(3, '0')}` as DeviceId,
  group: 'homes' as GroupId,
  ...{ timeZone: 'UTC', presence: ALWAYS, bytes: 100_000, bytesPerSecond: 10_000, settleS: 20 },
  ...{ transfer: null, decisionsPerSecond: 0.1, ...change },
});

const fleet = (count: number, change: Partial<ForecastDevice> = {}): ForecastDevice[] =>
  Array.from({ length: count }, (_, at) => device(at, change));

const forecast = (devices: readonly ForecastDevice[], plan: object): Forecast => {
  const parsed: RolloutPlan = rolloutPlanSchema.parse(plan);
  const looks = forecasting({
    at: 1_800_000_000_000,
    digest: 'b'.repeat(64) as Digest,
    plan: parsed,
    devices,
  });
  for (;;) {
    const { done, value } = looks.next();
    if (done === true) return value;
  }
};

describe('a forecast', () => {
  it('adds up transfer, probation and holds of waves one after the other', () => {
    const { notReached, reached, throughS, waves } = forecast(fleet(100), {
      waves: [{ percent: 10, holdS: 60 }, { percent: 100 }],
    });
    expect(waves.map(({ quota }) => quota)).toEqual([10, 100]);
    expect(waves[0]?.endsS).toBeGreaterThanOrEqual(90);
    expect(waves[0]?.endsS).toBeLessThanOrEqual(95);
    expect(throughS).toBeLessThanOrEqual(130);
    expect(notReached).toBe(0);
    expect(throughS ?? 0).toBeGreaterThanOrEqual(reached.at(-1)?.afterS ?? Number.NaN);
  });

  it('has many that are told together begin one after the other, as many as that makes and no more', () => {
    const endsOf = (count: number, change: Partial<ForecastDevice> = {}) =>
      forecast(fleet(count, change), { waves: [{ count: 10 }] }).waves.map(({ endsS }) => endsS);
    const [few, rest] = endsOf(1_010);
    expect(few).toBeLessThanOrEqual(31);
    expect(rest).toBeGreaterThanOrEqual((few ?? 0) + 32);
    const stated = endsOf(20, { transfer: { spreadMs: 60_000 } });
    expect(stated[0]).toBeGreaterThanOrEqual(60);
  });

  it('waits for devices that are there at night only, and says who is never reached', () => {
    const devices = [...fleet(8), device(8, { presence: NIGHT }), device(9, { presence: NEVER })];
    const { notReached, reached, throughS } = forecast(devices, { waves: [{ count: 2 }] });
    expect(throughS).toBeLessThan(120);
    expect(notReached).toBe(1);
    expect(reached).toMatchObject([{}, { percent: 90, afterS: 36_030 }, { afterS: null }, { afterS: null }]);
  });

  it('has a slow transfer go on where it ended, in the spells in which the device is there', () => {
    const slow = [device(0), device(1, { presence: NIGHT, bytes: 9_000_000, bytesPerSecond: 1_000 })];
    const { reached } = forecast(slow, { waves: [{ percent: 50 }] });
    // 9,020 s in nights of 7,200 s: 1,820 s of the second one.
    expect(reached.at(-1)?.afterS).toBe(86_400 + 36_000 + 1_820);
  });

  it('keeps windows, rates and starting times', () => {
    const at = 1_800_000_000_000;
    expect(forecast(fleet(2), { waves: [{ percent: 100 }], startAt: at + 500_000 }).waves[0]?.beginsS).toBe(
      500,
    );
    const rated = forecast(fleet(11), { waves: [{ percent: 100 }], rate: { perMinute: 2 } });
    expect(rated.reached.at(-1)?.afterS).toBeGreaterThanOrEqual(300);
    // 2027-01-15T08:00Z; the window of the day opens two hours later.
    const windows = [{ from: '10:00', minutes: 60 }];
    const late = forecast(fleet(2), { waves: [{ percent: 100 }], windows });
    expect(late.reached[0]?.afterS).toBeGreaterThanOrEqual(7_200);
  });

  it('lets a gate take as long as its devices need for its decisions', () => {
    const gate = { decisions: 200, harmPoints: 50 };
    const { waves } = forecast(fleet(20), { waves: [{ count: 10 }], gate });
    // Ten devices, a decision in ten seconds each.
    expect(waves[0]?.endsS).toBeGreaterThanOrEqual(230);
    expect(waves[0]?.endsS).toBeLessThanOrEqual(240);
    const idle = forecast(fleet(20, { decisionsPerSecond: 0 }), { waves: [{ count: 10 }], gate });
    expect(idle.throughS).toBeNull();
    expect(idle.notes[0]).toContain('0 of 200 decisions');
  });

  it('knows how many judged inputs exclude a loss', () => {
    expect(judgedNeeded({ falseStop: 0.01, harmPoints: 1.5 } as never)).toBeGreaterThan(300);
    expect(judgedNeeded({ falseStop: 0.01, harmPoints: 1.5 } as never)).toBeLessThan(700);
  });
});
