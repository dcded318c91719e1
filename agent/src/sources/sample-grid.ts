/**
 * Puts irregular readings onto the steady grid of a sensor line: on the line between two readings, or with the earlier
 * one held. A silence longer than the gap ends the grid; nothing is made up for it. Owns grid times; never knows a line.
 */
import { HeldSamples } from '@nanofleet/runtime';

/** The grid. */
export interface GridSettings {
  readonly channels: number;
  /** Samples a second. */
  readonly rateHz: number;
  readonly resample: 'linear' | 'hold';
  /** Longest silence that is bridged, seconds. */
  readonly gapSeconds: number;
  /** Whether each row ends with the seconds for which it was held; only with hold. */
  readonly withAge: boolean;
}

/** What a reading gave. */
export interface Gridded {
  /** Rows of the grid; the first of them begin a new stream when `isGap`. */
  readonly rows: readonly number[][];
  readonly isGap: boolean;
  /** The reading is not later than the one before it, and was left out. */
  readonly isLate: boolean;
}

/** Makes rows of `channels` values each; the times of one stretch are whole periods after its first reading. */
interface Stretch {
  push(seconds: number, values: readonly number[]): number[][];
}

/** Smaller differences of times are how decimals are written in binary. */
const EPSILON = 1e-6;

class LinearStretch implements Stretch {
  readonly #rateHz: number;
  #first: number | null = null;
  #seconds = 0;
  #values: readonly number[] = [];
  #emitted = 0;

  constructor({ rateHz }: GridSettings) {
    this.#rateHz = rateHz;
  }

  push(seconds: number, values: readonly number[]): number[][] {
    this.#first ??= seconds;
    const due = Math.floor((seconds - this.#first) * this.#rateHz + EPSILON);
    const rows: number[][] = [];
    for (; this.#emitted <= due; this.#emitted += 1) rows.push(this.#at(seconds, values));
    this.#seconds = seconds;
    this.#values = values;
    return rows;
  }

  #at(seconds: number, values: readonly number[]): number[] {
    if (this.#values.length === 0) return [...values];
    const at = (this.#first ?? 0) + this.#emitted / this.#rateHz;
    const share = Math.min(1, Math.max(0, (at - this.#seconds) / (seconds - this.#seconds)));
    return values.map((value, channel) => {
      const before = this.#values[channel] ?? value;
      return before + (value - before) * share;
    });
  }
}

class HeldStretch implements Stretch {
  readonly #held: HeldSamples;
  readonly #settings: GridSettings;

  constructor(settings: GridSettings) {
    this.#settings = settings;
    const { channels, rateHz, gapSeconds } = settings;
    this.#held = new HeldSamples({ channels, rateHz, ageSecondsMax: gapSeconds });
  }

  push(seconds: number, values: readonly number[]): number[][] {
    const { channels, withAge } = this.#settings;
    const flat = this.#held.push(seconds, values);
    const width = channels + 1;
    return Array.from({ length: flat.length / width }, (_, row) =>
      flat.slice(row * width, row * width + (withAge ? width : channels)),
    );
  }
}

/** One stream of readings. */
export class SampleGrid {
  readonly #settings: GridSettings;
  #stretch: Stretch;
  #last: number | null = null;

  constructor(settings: GridSettings) {
    this.#settings = settings;
    this.#stretch = this.#begin();
  }

  /** Takes a reading. @param seconds its time on any clock */
  push(seconds: number, values: readonly number[]): Gridded {
    const sinceSeconds = this.#last === null ? null : seconds - this.#last;
    if (sinceSeconds !== null && sinceSeconds <= 0) return { rows: [], isGap: false, isLate: true };
    const isGap = sinceSeconds !== null && sinceSeconds > this.#settings.gapSeconds + EPSILON;
    if (isGap) this.#stretch = this.#begin();
    this.#last = seconds;
    return { rows: this.#stretch.push(seconds, values), isGap, isLate: false };
  }

  #begin(): Stretch {
    return this.#settings.resample === 'hold'
      ? new HeldStretch(this.#settings)
      : new LinearStretch(this.#settings);
  }
}
