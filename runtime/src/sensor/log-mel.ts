/**
 * Owns what a model of sounds sees: mono samples in, frames of log mel energies out. Takes chunks of any size; the frames depend only on
 * the samples, never on how they were chunked. Never resamples, removes noise, or decides where a word begins.
 */
import { assert, NanofleetError } from '@nanofleet/protocol';
import { type MelBandParameters, MelFilters } from './log-mel-filters.ts';
import { PowerSpectrum } from './log-mel-spectrum.ts';

/** What decides the frames. */
export interface LogMelParameters extends MelBandParameters {
  /** Samples from one frame to the next; at most a window. */
  readonly hopSamples: number;
  /** Value of the loudest sample: 1 for floats from -1 to 1, 32768 for 16-bit integers. */
  readonly fullScale: number;
}

/**
 * The recipe of the spoken digits (Free Spoken Digit Dataset as log-mel bytes). Given by it: rate, window, hop, Hann, 32 bands from 60 to
 * 3800 Hz, ln(energy + 1e-6), the byte scale. Shown by its bytes: power and not magnitude, samples of -1 to 1, no division by length or by
 * width in hertz, the HTK mel scale, triangles not rounded to bins, no padding at either end. Likely by its bytes: weights up to 1 rather
 * than summing to 1 (else 4 to 28 steps less, constant in each band), no pre-emphasis, rounding rather than cutting off. Our choice, which
 * the bytes cannot tell: a periodic window (a symmetric one moves a byte of noise by 0.09 on average) and triangles straight in hertz (in
 * mel: 0.05). `docs/forge/log-mel.md` has the evidence.
 */
export const DIGITS_LOG_MEL: LogMelParameters = {
  rateHz: 8000,
  windowSamples: 256,
  hopSamples: 128,
  bands: 32,
  lowHz: 60,
  highHz: 3800,
  fullScale: 1,
};

/** Added to every energy, so that silence has a logarithm. */
const ENERGY_FLOOR = 1e-6;

/** Buffers less than one window; a refused chunk leaves it unchanged. Frame n is of samples n·hopSamples to n·hopSamples + windowSamples - 1. */
export class LogMelFrames {
  readonly #parameters: LogMelParameters;
  readonly #spectrum: PowerSpectrum;
  readonly #filters: MelFilters;
  /** The newest samples, oldest first; `#pendingSamples` of them are taken. */
  readonly #pending: Float64Array;
  #pendingSamples = 0;
  #samples = 0;

  constructor(parameters: LogMelParameters) {
    const { windowSamples, hopSamples, fullScale } = parameters;
    assert(Number.isInteger(hopSamples) && hopSamples >= 1 && hopSamples <= windowSamples, 'frames meet');
    assert(fullScale > 0, 'samples have a loudest value');
    this.#parameters = parameters;
    this.#spectrum = new PowerSpectrum(hannWindow({ length: windowSamples, height: 1 / fullScale }));
    this.#filters = new MelFilters(parameters);
    this.#pending = new Float64Array(windowSamples);
  }

  /** Samples taken so far. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * The frames that a chunk completes, in order; often none. A frame holds ln(energy + 1e-6) of each band, lowest first.
   * @throws NanofleetError `SAMPLES_INVALID`; then no sample of the chunk was taken.
   */
  push(samples: ArrayLike<number>): Float32Array[] {
    checkSamples(samples);
    const { windowSamples } = this.#parameters;
    const frames: Float32Array[] = [];
    for (let at = 0; at < samples.length; at += 1) {
      this.#pending[this.#pendingSamples] = samples[at] ?? 0;
      this.#pendingSamples += 1;
      if (this.#pendingSamples === windowSamples) frames.push(this.#frame());
    }
    this.#samples += samples.length;
    return frames;
  }

  #frame(): Float32Array {
    const { hopSamples, windowSamples } = this.#parameters;
    const energies = this.#filters.energies(this.#spectrum.of(this.#pending));
    this.#pending.copyWithin(0, hopSamples);
    this.#pendingSamples = windowSamples - hopSamples;
    return Float32Array.from(energies, (energy) => Math.log(energy + ENERGY_FLOOR));
  }
}

/** Frames, one or several in a row, on the scale of the spoken digits: 3 is silence, 14 more a factor e of energy, 255 energies from e⁴. */
export function logMelBytes(frames: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(frames, (value) => {
    const scaled = ((value + 14) / 18) * 255;
    return Math.round(Math.min(Math.max(scaled, 0), 255));
  });
}

/** The periodic form: a constant in the samples then reaches bins 0 and 1 only, which no band above rateHz / windowSamples holds. */
function hannWindow({ length, height }: { length: number; height: number }): Float64Array {
  return Float64Array.from(
    { length },
    (_, at) => height * (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / length)),
  );
}

/** As 32-bit floats, because powers of larger numbers could be infinite and a frame then NaN. */
function checkSamples(samples: ArrayLike<number>): void {
  for (let at = 0; at < samples.length; at += 1) {
    if (Number.isFinite(Math.fround(samples[at] ?? Number.NaN))) continue;
    const problem = `Sample ${at} is not a finite 32-bit number. Send no sample rather than NaN.`;
    throw new NanofleetError('SAMPLES_INVALID', problem, { facts: { at } });
  }
}
