/**
 * Owns putting irregular readings, as of a sensor that runs on harvested power, onto a steady grid: the last value is held, and one
 * more channel says for how many seconds. Grid times are whole multiples of the period since the first reading, so the samples do not
 * depend on when readings were handed over. Never interprets a value.
 */
import { NanofleetError } from '@nanofleet/protocol';

/** What the grid looks like. */
export interface HeldSamplesSettings {
  /** Values of one reading. */
  readonly channels: number;
  /** Grid samples a second. */
  readonly rateHz: number;
  /** Greatest age that the last channel tells, in seconds. */
  readonly ageSecondsMax: number;
}

/** State of one stream of readings. */
export class HeldSamples {
  readonly #settings: HeldSamplesSettings;
  readonly #last: Float32Array;
  #first = Number.NaN;
  #seconds = Number.NaN;
  #emitted = 0;

  constructor(settings: HeldSamplesSettings) {
    this.#settings = settings;
    this.#last = new Float32Array(settings.channels);
  }

  /**
   * Takes a reading and returns the grid samples before it, interleaved, `channels` + 1 values each: at most `ageSecondsMax` of them
   * after each reading, since a longer silence says no more.
   * @param seconds time of the reading on any clock that never goes back
   * @throws NanofleetError `SAMPLES_INVALID` or `CHANNELS_WRONG`; then nothing was taken
   */
  push(seconds: number, values: ArrayLike<number>): number[] {
    this.#check(seconds, values);
    if (Number.isNaN(this.#first)) this.#first = seconds;
    const samples = this.#until(seconds);
    for (let channel = 0; channel < this.#settings.channels; channel += 1)
      this.#last[channel] = values[channel] ?? 0;
    this.#seconds = seconds;
    return samples;
  }

  /** The one grid sample that shows the last reading, for the end of a recording; empty before any. */
  flush(): number[] {
    return Number.isNaN(this.#seconds) ? [] : [...this.#last, 0];
  }

  #until(seconds: number): number[] {
    const { rateHz, ageSecondsMax } = this.#settings;
    const due = Math.ceil((seconds - this.#first) * rateHz);
    const samples: number[] = [];
    const from = Math.max(this.#emitted, due - Math.ceil(ageSecondsMax * rateHz));
    for (let tick = from; tick < due; tick += 1) {
      const age = this.#first + tick / rateHz - this.#seconds;
      samples.push(...this.#last, Math.min(Math.max(age, 0), ageSecondsMax));
    }
    this.#emitted = Math.max(this.#emitted, due);
    return samples;
  }

  #check(seconds: number, values: ArrayLike<number>): void {
    const { channels } = this.#settings;
    if (values.length !== channels) {
      const problem = `A reading of ${values.length} values was given; this stream has ${channels} channels.`;
      throw new NanofleetError('CHANNELS_WRONG', problem, {
        facts: { channels: values.length, expected: channels },
      });
    }
    const at = [seconds, ...Array.from(values)].findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      const what = at === 0 ? 'The time of the reading' : `Value ${at - 1} of the reading`;
      throw new NanofleetError(
        'SAMPLES_INVALID',
        `${what} is not a finite number. Send no reading rather than NaN.`,
        {
          facts: { at },
        },
      );
    }
    if (seconds < this.#seconds) {
      const problem = `A reading of ${seconds} s came after one of ${this.#seconds} s. Send readings in the order of time.`;
      throw new NanofleetError('SAMPLES_INVALID', problem, { facts: { seconds } });
    }
  }
}
