/**
 * Owns the power spectrum of one frame: window, then a radix-2 transform of half the length over pairs of samples, with all tables made
 * once. Never scales the result: a sine of amplitude 1 in the middle of a bin gives (half the sum of the window) squared there.
 */
import { assert } from '@nanofleet/protocol';

/** For frames of as many samples as the window has: a power of two, at least 4. */
export class PowerSpectrum {
  readonly #window: Float64Array;
  /** Half the frame: the length of the complex transform. A power of two, so `& (half - 1)` is the remainder. */
  readonly #half: number;
  /** Cosine and sine of 2π·at/length for 0 up to and including half. */
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  /** Where each pair of samples goes before the first pass. */
  readonly #reversed: Uint32Array;
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;
  readonly #powers: Float64Array;

  constructor(window: Float64Array) {
    const length = window.length;
    assert(length >= 4 && Number.isInteger(Math.log2(length)), 'a frame has a power of two of samples');
    this.#window = window;
    this.#half = length / 2;
    this.#cosines = Float64Array.from({ length: this.#half + 1 }, (_, at) =>
      Math.cos((2 * Math.PI * at) / length),
    );
    this.#sines = Float64Array.from({ length: this.#half + 1 }, (_, at) =>
      Math.sin((2 * Math.PI * at) / length),
    );
    this.#reversed = reversedIndices(this.#half);
    this.#real = new Float64Array(this.#half);
    this.#imaginary = new Float64Array(this.#half);
    this.#powers = new Float64Array(this.#half + 1);
  }

  /** Squared magnitudes of bins 0 to half the length; the next call overwrites them. */
  of(samples: Float64Array): Float64Array {
    this.#load(samples);
    for (let size = 2; size <= this.#half; size *= 2) this.#pass(size);
    return this.#separated();
  }

  /** Even samples become real, odd ones imaginary parts, in the order that the passes want. */
  #load(samples: Float64Array): void {
    for (let pair = 0; pair < this.#half; pair += 1) {
      const to = this.#reversed[pair] ?? 0;
      const even = 2 * pair;
      this.#real[to] = (samples[even] ?? 0) * (this.#window[even] ?? 0);
      this.#imaginary[to] = (samples[even + 1] ?? 0) * (this.#window[even + 1] ?? 0);
    }
  }

  /** One pass of butterflies, joining transforms of half the size. */
  #pass(size: number): void {
    const [real, imaginary, reach] = [this.#real, this.#imaginary, size / 2];
    const stride = (2 * this.#half) / size;
    for (let offset = 0; offset < reach; offset += 1) {
      const cosine = this.#cosines[offset * stride] ?? 0;
      const sine = this.#sines[offset * stride] ?? 0;
      for (let upper = offset; upper < this.#half; upper += size) {
        const lower = upper + reach;
        const [lowerReal, lowerImaginary] = [real[lower] ?? 0, imaginary[lower] ?? 0];
        const [upperReal, upperImaginary] = [real[upper] ?? 0, imaginary[upper] ?? 0];
        const turnedReal = lowerReal * cosine + lowerImaginary * sine;
        const turnedImaginary = lowerImaginary * cosine - lowerReal * sine;
        real[upper] = upperReal + turnedReal;
        imaginary[upper] = upperImaginary + turnedImaginary;
        real[lower] = upperReal - turnedReal;
        imaginary[lower] = upperImaginary - turnedImaginary;
      }
    }
  }

  /** The bins of the whole frame out of the transform of its pairs: the parts of the even and of the odd samples, the latter turned. */
  #separated(): Float64Array {
    const [real, imaginary, mask] = [this.#real, this.#imaginary, this.#half - 1];
    for (let bin = 0; bin <= this.#half; bin += 1) {
      const [here, mirrored] = [bin & mask, (this.#half - bin) & mask];
      const evenReal = ((real[here] ?? 0) + (real[mirrored] ?? 0)) / 2;
      const evenImaginary = ((imaginary[here] ?? 0) - (imaginary[mirrored] ?? 0)) / 2;
      const oddReal = ((imaginary[here] ?? 0) + (imaginary[mirrored] ?? 0)) / 2;
      const oddImaginary = ((real[mirrored] ?? 0) - (real[here] ?? 0)) / 2;
      const [cosine, sine] = [this.#cosines[bin] ?? 0, this.#sines[bin] ?? 0];
      const binReal = evenReal + oddReal * cosine + oddImaginary * sine;
      const binImaginary = evenImaginary + oddImaginary * cosine - oddReal * sine;
      this.#powers[bin] = binReal * binReal + binImaginary * binImaginary;
    }
    return this.#powers;
  }
}

/** Each index with its bits in reverse. */
function reversedIndices(count: number): Uint32Array {
  const reversed = new Uint32Array(count);
  for (let at = 1; at < count; at += 1) {
    reversed[at] = ((reversed[at >> 1] ?? 0) >> 1) + (at % 2) * (count / 2);
  }
  return reversed;
}
