// Behaviour of readings that come irregularly, on a steady grid.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldSamples } from './held-samples.ts';

const held = () => new HeldSamples({ channels: 1, rateHz: 2, ageSecondsMax: 3 });
const rounded = (samples: readonly number[]): number[] =>
  samples.map((value) => Math.round(value * 100) / 100);

describe('readings on a grid', () => {
  it('are held, with their age, until the next one comes', () => {
    const stream = held();
    expect(stream.push(10, [7])).toEqual([]);
    expect(rounded(stream.push(10.2, [8]))).toEqual([7, 0]);
    expect(rounded(stream.push(11.3, [9]))).toEqual([8, 0.3, 8, 0.8]);
    expect(stream.flush()).toEqual([9, 0]);
  });

  it('give no more than a silence can tell', () => {
    const stream = held();
    stream.push(0, [1]);
    const samples = stream.push(1_000, [2]);
    expect(samples).toHaveLength(2 * 6);
    expect(samples.filter((_, at) => at % 2 === 1).every((age) => age === 3)).toBe(true);
  });

  it('never lose the grid: sample times are whole periods since the first reading', () => {
    const gaps = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(gaps, (given) => {
        const stream = held();
        let seconds = 0;
        let count = 0;
        stream.push(0, [0]);
        for (const gap of given) {
          seconds += gap;
          const samples = stream.push(seconds, [seconds]);
          for (let at = 0; at < samples.length; at += 2) {
            const [value = 0, age = 0] = samples.slice(at, at + 2);
            expect(value + age).toBeCloseTo(count / 2, 4);
            count += 1;
          }
        }
        expect(count).toBe(Math.ceil(seconds * 2));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it.each([
    ['NaN', 1, [Number.NaN], 'SAMPLES_INVALID'],
    ['a time that is not a number', Number.NaN, [1], 'SAMPLES_INVALID'],
    ['a time before the last', 0.5, [1], 'SAMPLES_INVALID'],
    ['another count of channels', 1, [1, 2], 'CHANNELS_WRONG'],
  ])('refuse %s and stay as they were', (_name, seconds, values, code) => {
    const [disturbed, calm] = [held(), held()];
    disturbed.push(1, [5]);
    calm.push(1, [5]);
    expect(() => disturbed.push(seconds, values)).toThrow(expect.objectContaining({ code }));
    expect(disturbed.push(2, [6])).toEqual(calm.push(2, [6]));
  });
});
