// Behaviour of the anomaly detector: what it calls unusual and what not, what it refuses, and that a saved one goes on as if nothing were.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ANOMALY_STATE_BYTES,
  ANOMALY_THRESHOLD,
  AnomalyDetector,
  type TimedSample,
} from './anomaly-detector.ts';

const STEP_SECONDS = 600;

/** One sample every ten minutes. */
function series(samples: number, value: (at: number) => number): TimedSample[] {
  return Array.from({ length: samples }, (_, at) => ({ seconds: at * STEP_SECONDS, value: value(at) }));
}

const scores = (samples: readonly TimedSample[], detector = new AnomalyDetector()): number[] =>
  samples.map((sample) => detector.push(sample));
/** From a sample on: the means of noise find their range by and by. */
const alarms = (found: readonly number[], from = 0): number[] =>
  found.flatMap((score, at) => (at >= from && score >= ANOMALY_THRESHOLD ? [at] : []));

/** Noise without chance: -1..1. */
const noise = (at: number): number => (Math.sin(at * 12.9898) * 43_758.5453) % 1;

describe('the anomaly detector', () => {
  it('finds nothing in a line, a sine, a square wave', () => {
    expect(alarms(scores(series(3000, () => 7)))).toEqual([]);
    expect(alarms(scores(series(3000, (at) => Math.sin(at / 23))))).toEqual([]);
    expect(alarms(scores(series(3000, (at) => (at % 40 < 20 ? 1 : 5))))).toEqual([]);
  });

  it('finds a spike in noise at the sample where it happens, once', () => {
    const found = scores(series(2000, (at) => (at === 1500 ? 6 : noise(at))));
    expect(alarms(found, 1300)).toEqual([1500]);
    expect(found[1500]).toBeGreaterThan(0.5);
  });

  it('finds a new level within the range of single samples', () => {
    const peak = (at: number): number => (at % 194 === 50 ? 1 : -1);
    const usual = (at: number): number => (at % 97 === 50 ? peak(at) : 0.3 * noise(at));
    const found = alarms(scores(series(2000, (at) => usual(at) + (at < 1500 ? 0 : 0.6))));
    expect(found.some((at) => at >= 1500 && at < 1520)).toBe(true);
  });

  it('finds that a signal has become rougher within its range', () => {
    const rough = (at: number): number => (at % 2 === 0 ? 0.9 : -0.9);
    const found = alarms(scores(series(2000, (at) => (at < 1500 ? Math.sin(at / 40) : rough(at)))));
    expect(found.some((at) => at >= 1500 && at < 1520)).toBe(true);
  });

  it('finds the usual at an unusual hour', () => {
    const isNight = (at: number): boolean => at % 144 < 48;
    const weeks = 3 * 1008;
    const found = scores(series(weeks + 144, (at) => (isNight(at) && at !== weeks + 20 ? 0 : 10)));
    expect(alarms(found).filter((at) => at >= 1152)).toEqual([weeks + 20]);
  });

  it('lets something worse pass after an alarm, and not the same again', () => {
    const spikes: Readonly<Record<number, number>> = { 1500: 4, 1510: 4, 1520: 40 };
    expect(alarms(scores(series(1700, (at) => spikes[at] ?? noise(at))), 1300)).toEqual([1500, 1520]);
  });

  it('is silent while it warms up', () => {
    expect(alarms(scores(series(150, (at) => 2 ** at)))).toEqual([]);
    const eager = new AnomalyDetector({ warmUpSamples: 0 });
    expect(
      alarms(
        scores(
          series(3, (at) => at),
          eager,
        ),
      ),
    ).not.toEqual([]);
  });

  it('gives scores of 0 to 1 for any numbers in any order of time', () => {
    const sample = fc.record({
      seconds: fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
      value: fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), (samples) => {
        const found = scores(samples, new AnomalyDetector({ warmUpSamples: 0, memorySamples: 3 }));
        expect(found.every((score) => score >= 0 && score <= 1)).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([
    ['NaN', 0, Number.NaN],
    ['infinite', 0, Number.NEGATIVE_INFINITY],
    ['enormous', 0, 1e301],
    ['untimed', Number.NaN, 1],
  ])('refuses a sample that is %s, and takes nothing of it', (_, seconds, value) => {
    const detector = new AnomalyDetector();
    scores(series(200, noise), detector);
    const before = detector.save();
    expect(() => detector.push({ seconds, value })).toThrow(
      expect.objectContaining({ code: 'SAMPLES_INVALID' }),
    );
    expect(detector.save()).toEqual(before);
  });

  it.each([
    { memorySamples: 0 },
    { smoothingSamples: 1.5 },
    { quietSamples: Number.NaN },
    { warmUpSamples: -1 },
  ])('refuses the settings %j', (settings) => {
    expect(() => new AnomalyDetector(settings)).toThrow(expect.objectContaining({ code: 'SETTING_INVALID' }));
  });
});

describe('a saved detector', () => {
  it('goes on exactly as it would have, wherever it was stopped', () => {
    const value = fc.oneof(fc.double({ min: -10, max: 10, noNaN: true }), fc.constant(1e6));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 80 }), fc.nat(), (values, cut) => {
        const samples = series(values.length, (at) => values[at] ?? 0);
        const at = cut % (values.length + 1);
        const detector = new AnomalyDetector({ warmUpSamples: 5, quietSamples: 7 });
        const first = scores(samples.slice(0, at), detector);
        const restored = AnomalyDetector.restore(detector.save());
        expect(restored.samples).toBe(at);
        const whole = scores(samples, new AnomalyDetector({ warmUpSamples: 5, quietSamples: 7 }));
        expect([...first, ...scores(samples.slice(at), restored)]).toEqual(whole);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('takes the same room after any number of samples', () => {
    const detector = new AnomalyDetector();
    expect(detector.save()).toHaveLength(ANOMALY_STATE_BYTES);
    scores(series(5000, noise), detector);
    expect(detector.save()).toHaveLength(ANOMALY_STATE_BYTES);
    expect(ANOMALY_STATE_BYTES).toBe(1496);
  });

  it('is refused when it is cut short, of another format, or holds what no detector has', () => {
    const saved = new AnomalyDetector().save();
    const changed = (number: number, value: number): Uint8Array => {
      const copy = saved.slice();
      new DataView(copy.buffer).setFloat64(number * 8, value, true);
      return copy;
    };
    const broken = [
      saved.subarray(1),
      changed(0, 2),
      changed(1, 0),
      changed(5, Number.NaN),
      changed(12, Number.POSITIVE_INFINITY),
    ];
    for (const bytes of broken)
      expect(() => AnomalyDetector.restore(bytes)).toThrow(
        expect.objectContaining({ code: 'STATE_CORRUPT' }),
      );
  });
});
