// Detectors that say what a score on the anomaly benchmark is worth: a Gaussian over a window, and alarms by the clock. They are
// judged like the product's own and are no part of it.
import type { TimedSample } from '@nanofleet/runtime';

/** What is judged: a score of each sample as it comes; 0 is never an alarm. */
export interface StreamDetector {
  push(sample: TimedSample): number;
}

/** NAB's own window. */
const WINDOW_SAMPLES = 6400;
/** What a flat line deviates by. */
const LEAST_DEVIATION = 1e-6;

/** Distance from the mean of the last samples in standard deviations d, as d / (1 + d): in the order of the Gaussian's tail, without its underflow. */
export class WindowedGaussian implements StreamDetector {
  readonly #ring = new Float64Array(WINDOW_SAMPLES);
  #samples = 0;
  /** Sums of values less the first one, and of their squares: sums of large values would lose small differences. */
  #origin = 0;
  #sum = 0;
  #squares = 0;

  push({ value }: TimedSample): number {
    if (this.#samples === 0) this.#origin = value;
    const shifted = value - this.#origin;
    const count = Math.min(this.#samples, WINDOW_SAMPLES);
    const score = count < 2 ? 0 : this.#score(shifted, count);
    this.#take(shifted);
    return score;
  }

  #score(shifted: number, count: number): number {
    const mean = this.#sum / count;
    const deviation = Math.sqrt(Math.max(0, this.#squares / count - mean ** 2)) || LEAST_DEVIATION;
    const distance = Math.abs(shifted - mean) / deviation;
    return distance / (1 + distance);
  }

  #take(shifted: number): void {
    const at = this.#samples % WINDOW_SAMPLES;
    const oldest = this.#ring[at] ?? 0;
    this.#sum += shifted - oldest;
    this.#squares += shifted ** 2 - oldest ** 2;
    this.#ring[at] = shifted;
    this.#samples += 1;
  }
}

/** What blind alarms get: of all intervals measured (100 to 400 samples) this one has the highest score. */
const INTERVAL_SAMPLES = 250;

/** An alarm every so many samples, whatever they are. */
export class ClockAlarm implements StreamDetector {
  #samples = 0;

  push(): number {
    const isDue = this.#samples % INTERVAL_SAMPLES === 0;
    this.#samples += 1;
    return isDue ? 1 : 0;
  }
}
