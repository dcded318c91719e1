/**
 * Owns how unusual a sample of one stream of numbers is, as it comes, in constant memory. Knows nothing of what the numbers mean, never
 * looks ahead and never says what an anomaly is: it scores, and whoever asks compares with a threshold.
 */
import { NanofleetError } from '@nanofleet/protocol';

/** One measurement. */
export interface TimedSample {
  /** Seconds since 1970 in UTC, of which the hour of the week is used: samples may be irregular, and in any order. */
  readonly seconds: number;
  readonly value: number;
}

/** All counted in samples; the defaults are those of the figures in docs/forge/anomalies.md. */
export interface AnomalySettings {
  /** How long extremes are remembered: each sample narrows a range by this part of it. At least ten times the longest cycle. */
  readonly memorySamples: number;
  /** Time constant of the moving means: shorter changes of level or roughness are left to single samples. */
  readonly smoothingSamples: number;
  /** After an alarm only stronger ones pass; the bar falls with this time constant. */
  readonly quietSamples: number;
  /** Scores are 0 until so many samples were seen. */
  readonly warmUpSamples: number;
}

/** For devices. */
export const ANOMALY_SETTINGS: AnomalySettings = {
  memorySamples: 10_000,
  smoothingSamples: 33,
  quietSamples: 100,
  warmUpSamples: 150,
};

/** A score to call an anomaly where no other was chosen: 5 % of the range beyond all that was seen. */
export const ANOMALY_THRESHOLD = 0.05;

/** Values beyond this could overflow sums of two. */
const VALUE_MAX = 1e300;
const STATE_MAX = 4 * VALUE_MAX;

const HOUR_SECONDS = 3600;
const WEEK_HOURS = 168;
/** Part of the way that an hour's expected value goes to each value seen in it. */
const HOUR_RATE = 0.4;

/** The difference from the hour is only learnt for a week and a day: the first return of an hour is always news. */
const HOURS_LEARNT_SECONDS = (WEEK_HOURS + 24) * HOUR_SECONDS;
/** How much stronger than the last alarm a score must be to pass. */
const WORSE = 1.5;

const STATE_FORMAT = 1;
const HEADER_NUMBERS = 11;
const ENVELOPES = 4;
const STATE_NUMBERS = HEADER_NUMBERS + 2 * ENVELOPES + WEEK_HOURS;

/** Bytes of a saved detector, and about what one takes in memory. */
export const ANOMALY_STATE_BYTES = STATE_NUMBERS * Float64Array.BYTES_PER_ELEMENT;

/**
 * Follows four signals: the value, its moving mean (level), the moving mean of its steps (roughness), and its difference from what this hour
 * of the week showed last. Of each it remembers the range, which slowly narrows; the score is how far the farthest signal lies beyond its
 * range, as a part of the range that includes it.
 */
export class AnomalyDetector {
  readonly #settings: AnomalySettings;
  readonly #hours = new Float64Array(WEEK_HOURS).fill(Number.NaN);
  readonly #value = new Envelope();
  readonly #level = new Envelope();
  readonly #roughness = new Envelope();
  readonly #surprise = new Envelope();
  #samples = 0;
  #firstSeconds = 0;
  #lastValue = 0;
  #meanValue = 0;
  #meanStep = 0;
  /** The strongest score so far, fading. */
  #bar = 0;

  /** @throws NanofleetError SETTING_INVALID for settings that are not whole numbers of at least 1 (0 for the warm-up) */
  constructor(settings: Partial<AnomalySettings> = {}) {
    this.#settings = { ...ANOMALY_SETTINGS, ...settings };
    const problem = problemOf(this.#settings);
    if (problem !== undefined) throw new NanofleetError('SETTING_INVALID', problem);
  }

  /** Samples taken so far. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Takes the next sample and says how unusual it is: 0 within all that was seen, or hardly worse than the last alarm; towards 1 far beyond.
   * @throws NanofleetError SAMPLES_INVALID for what is not a finite number below 1e300; then nothing was taken
   */
  push({ seconds, value }: TimedSample): number {
    if (!(Math.abs(value) <= VALUE_MAX && Math.abs(seconds) <= VALUE_MAX))
      throw refusedSample({ seconds, value });
    const forget = 1 / this.#settings.memorySamples;
    if (this.#samples === 0) this.#firstSeconds = seconds;
    this.#follow(value);
    const strongest = Math.max(
      this.#value.beyond(value, forget),
      this.#level.beyond(this.#meanValue, forget),
      this.#roughness.beyond(this.#meanStep, forget),
      this.#beyondHour({ seconds, value }, forget),
    );
    this.#samples += 1;
    return this.#samples > this.#settings.warmUpSamples ? this.#passed(strongest) : 0;
  }

  #follow(value: number): void {
    const isFirst = this.#samples === 0;
    const rate = 1 / this.#settings.smoothingSamples;
    const step = isFirst ? 0 : Math.abs(value - this.#lastValue);
    this.#meanValue = isFirst ? value : this.#meanValue + rate * (value - this.#meanValue);
    this.#meanStep += rate * (step - this.#meanStep);
    this.#lastValue = value;
  }

  #beyondHour(sample: TimedSample, forget: number): number {
    const share = this.#surprise.beyond(this.#differenceFromHour(sample), forget);
    return sample.seconds - this.#firstSeconds < HOURS_LEARNT_SECONDS ? 0 : share;
  }

  /** NaN in an hour that was never seen. */
  #differenceFromHour({ seconds, value }: TimedSample): number {
    const hour = ((Math.floor(seconds / HOUR_SECONDS) % WEEK_HOURS) + WEEK_HOURS) % WEEK_HOURS;
    const expected = this.#hours[hour] ?? Number.NaN;
    const difference = value - expected;
    this.#hours[hour] = Number.isNaN(expected) ? value : expected + HOUR_RATE * difference;
    return difference;
  }

  // What goes on is one anomaly, not a hundred; something worse in the middle of it still passes.
  #passed(strongest: number): number {
    const score = strongest > this.#bar * WORSE ? strongest : 0;
    this.#bar = Math.max(strongest, this.#bar) * Math.exp(-1 / this.#settings.quietSamples);
    return score;
  }

  /** The whole state, ANOMALY_STATE_BYTES long: a detector that is restored from it goes on exactly as this one. */
  save(): Uint8Array {
    const { memorySamples, smoothingSamples, quietSamples, warmUpSamples } = this.#settings;
    const numbers = Float64Array.of(
      STATE_FORMAT,
      memorySamples,
      smoothingSamples,
      quietSamples,
      warmUpSamples,
      this.#samples,
      this.#firstSeconds,
      this.#lastValue,
      this.#meanValue,
      this.#meanStep,
      this.#bar,
      ...this.#envelopes().flatMap(({ low, high }) => [low, high]),
      ...this.#hours,
    );
    const bytes = new DataView(new ArrayBuffer(ANOMALY_STATE_BYTES));
    numbers.forEach((number, at) => bytes.setFloat64(at * Float64Array.BYTES_PER_ELEMENT, number, true));
    return new Uint8Array(bytes.buffer);
  }

  /** A detector that goes on where the saved one was. @throws NanofleetError STATE_CORRUPT */
  static restore(bytes: Uint8Array): AnomalyDetector {
    const [header, ranges, hours] = partsOf(bytes);
    const [, memorySamples = 0, smoothingSamples = 0, quietSamples = 0, warmUpSamples = 0] = header;
    const settings = { memorySamples, smoothingSamples, quietSamples, warmUpSamples };
    const problem = problemOf(settings);
    if (problem !== undefined) throw corrupt(problem);
    const detector = new AnomalyDetector(settings);
    const [samples = 0, firstSeconds = 0, lastValue = 0, meanValue = 0, meanStep = 0, bar = 0] =
      header.subarray(5);
    detector.#samples = samples;
    detector.#firstSeconds = firstSeconds;
    detector.#lastValue = lastValue;
    detector.#meanValue = meanValue;
    detector.#meanStep = meanStep;
    detector.#bar = bar;
    detector.#hours.set(hours);
    detector.#envelopes().forEach((envelope, at) => {
      envelope.low = ranges[2 * at] ?? Number.NaN;
      envelope.high = ranges[2 * at + 1] ?? Number.NaN;
    });
    return detector;
  }

  #envelopes(): Envelope[] {
    return [this.#value, this.#level, this.#roughness, this.#surprise];
  }
}

/** The range of one signal. Extremes widen it at once, time narrows it slowly from both sides. */
class Envelope {
  /** NaN before the first value. */
  low = Number.NaN;
  high = Number.NaN;

  /** How far a value lies beyond the range, as a part of the range with it, 0..1; then the range takes it in. */
  beyond(value: number, forget: number): number {
    if (Number.isNaN(value)) return 0;
    if (Number.isNaN(this.low)) {
      this.low = value;
      this.high = value;
    }
    const distance = Math.max(value - this.high, this.low - value, 0);
    const share = distance === 0 ? 0 : distance / (this.high - this.low + distance);
    this.low = Math.min(this.low, value);
    this.high = Math.max(this.high, value);
    const narrowed = ((this.high - this.low) / 2) * forget;
    this.low += narrowed;
    this.high -= narrowed;
    return share;
  }
}

function problemOf(settings: AnomalySettings): string | undefined {
  for (const [name, value] of Object.entries(settings)) {
    const least = name === 'warmUpSamples' ? 0 : 1;
    if (Number.isSafeInteger(value) && value >= least) continue;
    return `${name} is ${value}; it must be a whole number of at least ${least}.`;
  }
  return undefined;
}

/** Header, ranges and hours. A length, a format or a number that no detector has saved is refused as a whole. */
function partsOf(bytes: Uint8Array): [Float64Array, Float64Array, Float64Array] {
  if (bytes.length !== ANOMALY_STATE_BYTES)
    throw corrupt(`it has ${bytes.length} bytes, not ${ANOMALY_STATE_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = Float64Array.from({ length: STATE_NUMBERS }, (_, at) =>
    view.getFloat64(at * Float64Array.BYTES_PER_ELEMENT, true),
  );
  const header = numbers.subarray(0, HEADER_NUMBERS);
  if (header[0] !== STATE_FORMAT) throw corrupt(`its format is ${header[0]}, not ${STATE_FORMAT}`);
  const isPossible = (number: number): boolean => Number.isNaN(number) || Math.abs(number) <= STATE_MAX;
  if (!(header.every(Number.isFinite) && numbers.every(isPossible)))
    throw corrupt('it holds a number that no detector has');
  const hoursFrom = HEADER_NUMBERS + 2 * ENVELOPES;
  return [header, numbers.subarray(HEADER_NUMBERS, hoursFrom), numbers.subarray(hoursFrom)];
}

function corrupt(problem: string): NanofleetError {
  return new NanofleetError(
    'STATE_CORRUPT',
    `The saved state of an anomaly detector cannot be read: ${problem}. Begin with a new detector.`,
  );
}

function refusedSample({ seconds, value }: TimedSample): NanofleetError {
  const problem = `A sample with the value ${value} at ${seconds} s was sent; both must be finite, the value at most ${VALUE_MAX}. Send no sample rather than NaN.`;
  return new NanofleetError('SAMPLES_INVALID', problem, { facts: { seconds, value } });
}
