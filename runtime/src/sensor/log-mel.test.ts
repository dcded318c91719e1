// Behaviour of the log-mel front end: frames by their definition, whatever the chunks; what the recipe says of silence, tones, offsets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalOf, seededShares } from '../learning/seeded-shares.ts';
import { DIGITS_LOG_MEL, LogMelFrames, type LogMelParameters, logMelBytes } from './log-mel.ts';

const framesOf = (samples: ArrayLike<number>, parameters: LogMelParameters = DIGITS_LOG_MEL) =>
  new LogMelFrames(parameters).push(samples);
const signal = (length: number, at: (seconds: number) => number): Float64Array =>
  Float64Array.from({ length }, (_, sample) => at(sample / DIGITS_LOG_MEL.rateHz));
const tone = (hz: number, { amplitude = 0.1 }: { amplitude?: number } = {}): Float64Array =>
  signal(256, (seconds) => amplitude * Math.sin(2 * Math.PI * hz * seconds));
const noise = ({ length, deviation }: { length: number; deviation: number }): Float64Array => {
  const share = seededShares(3);
  return Float64Array.from({ length }, () => deviation * normalOf(share));
};
/** Band centres in hertz and their neighbours, by the natural-logarithm form of the mel scale. */
const edgesHz = (): number[] => {
  const mel = (hz: number) => 1127.01048 * Math.log1p(hz / 700);
  const step = (mel(3800) - mel(60)) / 33;
  return Array.from({ length: 34 }, (_, at) => 700 * Math.expm1((mel(60) + at * step) / 1127.01048));
};

/** One frame by definition: every bin as a sum over all samples, every band as a sum over all bins. */
function frameByDefinition(samples: Float64Array): number[] {
  const windowed = samples.map((value, at) => value * Math.sin((Math.PI * at) / 256) ** 2);
  const powers = Array.from({ length: 129 }, (_, bin) => {
    const turn = (at: number) => (2 * Math.PI * ((bin * at) % 256)) / 256;
    const real = windowed.reduce((sum, value, at) => sum + value * Math.cos(turn(at)), 0);
    const imaginary = windowed.reduce((sum, value, at) => sum + value * Math.sin(turn(at)), 0);
    return real ** 2 + imaginary ** 2;
  });
  const edges = edgesHz();
  return Array.from({ length: 32 }, (_, band) => {
    const [from, centre, to] = [edges[band] ?? 0, edges[band + 1] ?? 0, edges[band + 2] ?? 0];
    const weight = (hz: number) =>
      Math.max(0, Math.min((hz - from) / (centre - from), (to - hz) / (to - centre)));
    return Math.log(1e-6 + powers.reduce((sum, power, bin) => sum + power * weight(bin * 31.25), 0));
  });
}

describe('frames', () => {
  const sounds: [string, Float64Array][] = [
    ['a low tone', signal(1024, (seconds) => 0.9 * Math.sin(2 * Math.PI * 117 * seconds))],
    [
      'two tones far apart in level',
      signal(1024, (at) => Math.cos(4000 * at) + 1e-3 * Math.sin(20_000 * at)),
    ],
    ['a chirp', signal(2048, (at) => 0.5 * Math.sin(2 * Math.PI * (50 * at + 7000 * at ** 2)))],
    ['loud noise', noise({ length: 1024, deviation: 0.3 })],
    ['noise below one step of 16 bits', noise({ length: 1024, deviation: 1e-5 })],
    ['a click', signal(1024, (seconds) => (seconds === 0.05 ? 1 : 0))],
    ['silence', new Float64Array(512)],
  ];

  it.each(sounds)('of %s are those of the definition', (_name, samples) => {
    const frames = framesOf(samples);
    expect(frames).toHaveLength(samples.length / 128 - 1);
    for (const [at, frame] of frames.entries()) {
      const expected = frameByDefinition(samples.slice(at * 128, at * 128 + 256));
      const gaps = expected.map((value, band) => Math.abs(value - (frame[band] ?? Number.NaN)));
      expect(Math.max(...gaps)).toBeLessThan(3e-6);
      expect(logMelBytes(frame)).toEqual(logMelBytes(expected));
    }
  });

  it('do not depend on how the samples were chunked', () => {
    const samples = noise({ length: 1500, deviation: 0.1 });
    const whole = framesOf(samples);
    const cuts = fc.array(fc.integer({ min: 0, max: 1500 }), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, (inner) => {
        const chunked = new LogMelFrames(DIGITS_LOG_MEL);
        const ends = [...inner.toSorted((left, right) => left - right), 1500];
        const frames = ends.flatMap((end, at) => chunked.push(samples.subarray(ends[at - 1] ?? 0, end)));
        expect(frames).toEqual(whole);
        expect(chunked.samples).toBe(1500);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('are as many as whole windows fit', () => {
    const counts = [0, 255, 256, 383, 384, 1148].map((length) => framesOf(new Float32Array(length)).length);
    expect(counts).toEqual([0, 0, 1, 1, 2, 7]);
  });

  it('are the same from 16-bit integers', () => {
    const integers = Int16Array.from(noise({ length: 600, deviation: 3000 }));
    const floats = Float64Array.from(integers, (value) => value / 32_768);
    expect(framesOf(integers, { ...DIGITS_LOG_MEL, fullScale: 32_768 })).toEqual(framesOf(floats));
  });

  it.each([
    ['the hop is the window', { hopSamples: 256 }, 4],
    ['the hop is one sample', { hopSamples: 1, windowSamples: 128, bands: 8 }, 897],
    ['the lowest edge is a bin', { lowHz: 62.5 }, 7],
    ['the bands fill the spectrum', { lowHz: 0, highHz: 4000 }, 7],
    ['the window is short and the bands few', { windowSamples: 4, hopSamples: 4, bands: 1 }, 256],
  ])('follow their parameters where %s', (_name, change, count) => {
    const samples = noise({ length: 1024, deviation: 0.1 });
    const frames = framesOf(samples, { ...DIGITS_LOG_MEL, ...change });
    expect(frames).toHaveLength(count);
    expect(frames.flatMap((frame) => [...frame]).every(Number.isFinite)).toBe(true);
  });
});

describe('the recipe of the spoken digits', () => {
  const peakOf = (frame: Float32Array | undefined) => frame?.indexOf(Math.max(...frame));

  it('gives silence its least byte and a tone of full scale its greatest', () => {
    const [silent] = framesOf(new Float32Array(256));
    expect(silent).toEqual(new Float32Array(32).fill(Math.log(1e-6)));
    expect(new Set(logMelBytes(silent ?? []))).toEqual(new Set([3]));
    const [loud] = framesOf(tone(1000, { amplitude: 1 }));
    expect(Math.max(...logMelBytes(loud ?? []))).toBe(255);
  });

  it('has the peak of a tone in the band whose centre it is', () => {
    const centres = edgesHz().slice(1, -1);
    expect(centres.map((hz) => peakOf(framesOf(tone(hz))[0]))).toEqual(centres.map((_, band) => band));
  });

  it('has 1 kHz in one band and 2 kHz in two alike, as the hum of USB shows in the recordings', () => {
    const [oneKilohertz, twoKilohertz] = [1000, 2000].map((hz) =>
      logMelBytes(framesOf(tone(hz, { amplitude: 0.001 }))[0] ?? []),
    );
    expect(oneKilohertz?.indexOf(Math.max(...(oneKilohertz ?? [])))).toBe(14);
    expect(Math.abs((twoKilohertz?.[22] ?? 0) - (twoKilohertz?.[23] ?? 255))).toBeLessThanOrEqual(1);
  });

  it('drops by ln 4 in every band where the amplitude halves', () => {
    const samples = noise({ length: 256, deviation: 0.2 });
    const [whole, halved] = [samples, samples.map((value) => value / 2)].map((given) => framesOf(given)[0]);
    whole?.forEach((value, band) => {
      expect(value - (halved?.[band] ?? 0)).toBeCloseTo(Math.log(4), 3);
    });
  });

  it('does not see a constant in the samples', () => {
    const samples = noise({ length: 256, deviation: 0.01 });
    const [plain, shifted] = [samples, samples.map((value) => value + 0.5)].map(
      (given) => framesOf(given)[0],
    );
    plain?.forEach((value, band) => {
      expect(shifted?.[band]).toBeCloseTo(value, 5);
    });
  });

  it('clips bytes at both ends', () => {
    expect([...logMelBytes([-99, -14, -13.9, 3.97, 4, 99])]).toEqual([0, 0, 1, 255, 255, 255]);
  });
});

describe('samples that are refused', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39])(
    'for %s leave the stream as it was',
    (value) => {
      const samples = noise({ length: 300, deviation: 0.1 });
      const disturbed = new LogMelFrames(DIGITS_LOG_MEL);
      disturbed.push(samples.subarray(0, 200));
      expect(() => disturbed.push([0, 0, value])).toThrow(
        expect.objectContaining({ code: 'SAMPLES_INVALID', facts: { at: 2 } }),
      );
      expect(disturbed.samples).toBe(200);
      expect(disturbed.push(samples.subarray(200))).toEqual(framesOf(samples));
    },
  );
});

describe('parameters that make no frames', () => {
  it.each([
    ['a window that is no power of two', { windowSamples: 250 }, 'a frame has a power of two of samples'],
    ['a hop beyond the window', { hopSamples: 257 }, 'frames meet'],
    ['no hop', { hopSamples: 0 }, 'frames meet'],
    ['bands beyond half the rate', { highHz: 4001 }, 'bands lie below half the rate'],
    ['bands upside down', { lowHz: 3800, highHz: 60 }, 'bands lie below half the rate'],
    ['bands so narrow that one holds no bin', { bands: 128 }, 'every band holds a bin'],
    ['no full scale', { fullScale: 0 }, 'samples have a loudest value'],
  ])('such as %s are a fault of the program', (_name, change, problem) => {
    expect(() => new LogMelFrames({ ...DIGITS_LOG_MEL, ...change })).toThrow(problem);
  });
});
