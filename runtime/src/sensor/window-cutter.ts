/**
 * Owns cutting a stream of samples into overlapping windows. Takes chunks of any size; the windows depend only on the samples, never on
 * how they were chunked. Never scores a window and never interprets a value beyond refusing what is not a number.
 */
import { NanofleetError, type SensorParameters } from '@nanofleet/protocol';

/** Samples as they come from a local program. */
export interface SampleChunk {
  /** Samples per second and channel. */
  readonly rateHz: number;
  /** Number of channels; values are interleaved: x0 y0 z0 x1 y1 z1 … */
  readonly channels: number;
  readonly values: ArrayLike<number>;
}

/** A window that is ready to be scored. */
export interface SensorWindow {
  /** Channel-major raw values [channels, windowSamples]. */
  readonly values: Float32Array;
  /** Number of the window's last sample, counted from 0 since the stream began. */
  readonly lastSample: number;
}

/** Relative difference of rates that is still the same rate: clocks of sensors drift, wrong settings are far off. */
const RATE_TOLERANCE = 0.01;

/** Buffers less than one window per channel; a refused chunk leaves it unchanged. */
export class WindowCutter {
  readonly #parameters: SensorParameters;
  /** Channel-major ring of the newest samples. */
  readonly #ring: Float32Array;
  #samples = 0;

  constructor(parameters: SensorParameters) {
    this.#parameters = parameters;
    this.#ring = new Float32Array(parameters.channels.length * parameters.windowSamples);
  }

  /** Samples taken so far. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * The windows that a chunk completes, in order; often none.
   * @throws NanofleetError `CHANNELS_WRONG`, `SAMPLE_RATE_WRONG` or `SAMPLES_INVALID`; then no sample of the chunk was taken.
   */
  push(chunk: SampleChunk): SensorWindow[] {
    checkChunk(chunk, this.#parameters);
    const { windowSamples, hopSamples } = this.#parameters;
    const windows: SensorWindow[] = [];
    for (let from = 0; from < chunk.values.length; from += chunk.channels) {
      this.#take(chunk.values, from);
      const beyondFirst = this.#samples - windowSamples;
      if (beyondFirst >= 0 && beyondFirst % hopSamples === 0) windows.push(this.#window());
    }
    return windows;
  }

  #take(values: ArrayLike<number>, from: number): void {
    const { channels, windowSamples } = this.#parameters;
    const at = this.#samples % windowSamples;
    for (let channel = 0; channel < channels.length; channel += 1) {
      this.#ring[channel * windowSamples + at] = values[from + channel] ?? 0;
    }
    this.#samples += 1;
  }

  /** The ring's content in time order, copied, because the ring is written on while the window is scored. */
  #window(): SensorWindow {
    const { channels, windowSamples } = this.#parameters;
    const values = new Float32Array(this.#ring.length);
    const oldest = this.#samples % windowSamples;
    for (let channel = 0; channel < channels.length; channel += 1) {
      const begin = channel * windowSamples;
      values.set(this.#ring.subarray(begin + oldest, begin + windowSamples), begin);
      values.set(this.#ring.subarray(begin, begin + oldest), begin + windowSamples - oldest);
    }
    return { values, lastSample: this.#samples - 1 };
  }
}

function checkChunk({ rateHz, channels, values }: SampleChunk, parameters: SensorParameters): void {
  const expected = parameters.channels.length;
  if (channels !== expected || values.length % expected !== 0) {
    const problem = `${values.length} values in ${channels} channels were sent; this line needs ${expected} (${parameters.channels.join(', ')}).`;
    throw new NanofleetError('CHANNELS_WRONG', problem, { facts: { channels, expected } });
  }
  if (!(Math.abs(rateHz - parameters.rateHz) <= parameters.rateHz * RATE_TOLERANCE)) {
    const problem = `Samples at ${rateHz} Hz were sent; this line needs ${parameters.rateHz} Hz. Resample them.`;
    throw new NanofleetError('SAMPLE_RATE_WRONG', problem, {
      facts: { rateHz, expected: parameters.rateHz },
    });
  }
  for (let at = 0; at < values.length; at += 1) {
    if (Number.isFinite(values[at])) continue;
    const problem = `Value ${at} (channel ${parameters.channels[at % expected] ?? ''}) is not a finite number. Send no sample rather than NaN.`;
    throw new NanofleetError('SAMPLES_INVALID', problem, { facts: { at } });
  }
}
