// Behaviour of sensor streams: windows do not depend on chunking, bad chunks change nothing, events have hysteresis and debounce.
import type { SensorParameters } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SensorScored } from '../runner.ts';
import { SensorStream } from './sensor-stream.ts';
import type { SensorWindow } from './window-cutter.ts';

const sensor: SensorParameters = {
  channels: ['x', 'y'],
  windowSamples: 4,
  hopSamples: 2,
  rateHz: 100,
  debounceWindows: 2,
  events: [{ label: 'fault', start: 0.8, stop: 0.4 }],
};
const stream = () => new SensorStream({ sensor, labels: { version: 1, names: ['normal', 'fault'] } });
const chunk = (values: ArrayLike<number>) => ({ rateHz: 100, channels: 2, values });
/** Sample n has x = n and y = -n. */
const samples = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) * 2 }, (_, at) => (at % 2 === 0 ? 1 : -1) * (from + Math.floor(at / 2)));

const scored = (fault: number, verdict: SensorScored['verdict'] = 'sure'): SensorScored => ({
  label: 'fault',
  labelIndex: 1,
  confidence: fault,
  outOfScope: 0,
  verdict,
  logits: new Float32Array(2),
  probabilities: Float32Array.of(1 - fault, fault),
});

describe('the windows of a stream', () => {
  it('come every hop once the first is full, channel by channel', () => {
    const windows = stream().push(chunk(samples(0, 7)));
    expect(windows.map((window) => ({ ...window, values: Array.from(window.values) }))).toEqual([
      { values: [0, 1, 2, 3, -0, -1, -2, -3], lastSample: 3 },
      { values: [2, 3, 4, 5, -2, -3, -4, -5], lastSample: 5 },
    ]);
  });

  it('do not depend on how the samples were chunked', () => {
    const whole = stream().push(chunk(samples(0, 40)));
    const cuts = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (inner) => {
        const chunked = stream();
        const ends = [...inner.toSorted((left, right) => left - right), 40];
        const windows = ends.flatMap((end, at) => chunked.push(chunk(samples(ends[at - 1] ?? 0, end))));
        expect(windows).toEqual(whole);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('keep their values while the stream goes on', () => {
    const running = stream();
    const [first] = running.push(chunk(samples(0, 4)));
    running.push(chunk(samples(100, 110)));
    expect(Array.from(first?.values ?? []).slice(0, 4)).toEqual([0, 1, 2, 3]);
  });
});

describe('a chunk that is refused', () => {
  it.each([
    ['NaN', { values: [0, 0, Number.NaN, 0] }, 'SAMPLES_INVALID'],
    ['infinity', { values: [0, Number.POSITIVE_INFINITY] }, 'SAMPLES_INVALID'],
    ['another rate', { rateHz: 50 }, 'SAMPLE_RATE_WRONG'],
    ['a rate that is not a number', { rateHz: Number.NaN }, 'SAMPLE_RATE_WRONG'],
    ['another channel count', { channels: 3 }, 'CHANNELS_WRONG'],
    ['a torn sample', { values: [0, 0, 0] }, 'CHANNELS_WRONG'],
  ])('for %s leaves the stream as it was', (_name, change, code) => {
    const [disturbed, calm] = [stream(), stream()];
    disturbed.push(chunk(samples(0, 3)));
    calm.push(chunk(samples(0, 3)));
    expect(() => disturbed.push({ ...chunk(samples(3, 5)), ...change })).toThrow(
      expect.objectContaining({ code }),
    );
    expect(disturbed.samples).toBe(3);
    expect(disturbed.push(chunk(samples(3, 8)))).toEqual(calm.push(chunk(samples(3, 8))));
  });

  it('is not one whose rate drifts by less than a percent', () => {
    expect(stream().push({ ...chunk(samples(0, 4)), rateHz: 100.9 })).toHaveLength(1);
  });
});

describe('events', () => {
  const windowAt = (at: number): SensorWindow => ({ values: new Float32Array(8), lastSample: 3 + 2 * at });
  const run = (probabilities: readonly (number | SensorScored)[]) => {
    const running = stream();
    return probabilities.flatMap((given, at) =>
      running.settle(windowAt(at), typeof given === 'number' ? scored(given) : given),
    );
  };

  it('start after enough windows in a row, and say since when', () => {
    expect(run([0, 0.9, 0.85, 0.9])).toEqual([
      { kind: 'start', label: 'fault', sample: 7, sinceSample: 5, confidence: 0.8500000238418579 },
    ]);
  });

  it('do not start on single windows however often they come', () => {
    expect(run([0.9, 0, 0.9, 0.7, 0.9, 0])).toEqual([]);
  });

  it('go on between the two thresholds and stop below the lower', () => {
    const events = run([0.9, 0.9, 0.5, 0.5, 0.41, 0.3, 0.5, 0.3, 0.3]);
    expect(events.map(({ kind, sample }) => [kind, sample])).toEqual([
      ['start', 5],
      ['stop', 19],
    ]);
  });

  it('are neither started nor stopped by windows that are out of scope', () => {
    const unknown = scored(0.99, 'out-of-scope');
    expect(run([unknown, unknown, unknown])).toEqual([]);
    expect(
      run([0.9, unknown, 0.9, scored(0, 'out-of-scope'), scored(0, 'out-of-scope')]).map(({ kind }) => kind),
    ).toEqual(['start']);
  });

  it('are listed as active from start to stop', () => {
    const running = stream();
    const activeAfter = [0.9, 0.9, 0, 0].map((given, at) => {
      running.settle(windowAt(at), scored(given));
      return running.active;
    });
    expect(activeAfter).toEqual([[], ['fault'], ['fault'], []]);
  });
});
