/**
 * Readings of messages to samples of a sensor line: numbers by their paths, scale and offset, whole readings, the line's
 * grid. Owns one stream; a new model with other channels or another rate begins it anew.
 */
import { NanofleetError, SAMPLES_MAX } from '@nanofleet/protocol';
import { followJsonPath } from './json-path.ts';
import { type PartialReading, ReadingRows, type WholeReading } from './reading-rows.ts';
import { SampleGrid } from './sample-grid.ts';
import type { SamplesConfig, SourceConfig } from './source-config.ts';
import type { SensorShape, SourceFeed, SourceLines } from './source-feed.ts';
import type { SourceMessage } from './source-message.ts';
import type { SourceTally } from './source-tally.ts';
import { isTopicOf } from './topic-filter.ts';

const SECONDS_PER = { s: 1, ms: 1e-3 } as const;

/** A number as PLCs, loggers and CSV files write it; null for anything else. */
const numberOf = (found: unknown): number | null => {
  if (typeof found === 'boolean') return found ? 1 : 0;
  const number = typeof found === 'string' && found.trim() !== '' ? Number(found) : found;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
};

const secondsOf = (message: SourceMessage, { time }: SamplesConfig): number | null => {
  if (time === undefined) return message.seconds;
  const found = followJsonPath(message.value, time.path);
  if (time.unit === 'iso') return numberOf(typeof found === 'string' ? Date.parse(found) / 1_000 : null);
  const number = numberOf(found);
  return number === null ? null : number * SECONDS_PER[time.unit];
};

const readingIn = (message: SourceMessage, config: SamplesConfig): PartialReading | null => {
  const seconds = secondsOf(message, config);
  if (seconds === null) return null;
  const values = new Map<string, number>();
  for (const [name, { path, topic, scale, offset }] of Object.entries(config.channels)) {
    if (topic !== undefined && (message.topic === null || !isTopicOf(topic, message.topic))) continue;
    const read = numberOf(followJsonPath(message.value, path));
    // Half a reading is none, but a tag of its own topic stands alone.
    if (read === null) return null;
    values.set(name, read * scale + offset);
  }
  return values.size === 0 ? null : { seconds, values };
};

/** Channels to be read for a line, in its order. @throws NanofleetError CHANNELS_WRONG */
const channelsFor = ({ line, channels }: SensorShape, { channels: given, age }: SamplesConfig): string[] => {
  const names = Object.keys(given);
  const needed = channels.filter((name) => name !== age);
  // HeldSamples tells the age last.
  const isAgeLast = age === undefined || channels.at(-1) === age;
  if (isAgeLast && needed.length === names.length && needed.every((name) => names.includes(name)))
    return needed;
  const problem = `line ${line} takes ${channels.join(', ')}; agent.yaml gives ${[...names, ...(age === undefined ? [] : [age])].join(', ')}`;
  throw new NanofleetError('CHANNELS_WRONG', problem, { facts: { line } });
};

interface Stream {
  readonly shape: SensorShape;
  readonly rows: ReadingRows;
  readonly grid: SampleGrid;
}

const isSameShape = (a: SensorShape, b: SensorShape): boolean =>
  a.line === b.line && a.rateHz === b.rateHz && a.channels.join() === b.channels.join();

/** The feed of a source that gives samples. */
export class SamplesFeed implements SourceFeed {
  readonly #config: SamplesConfig;
  readonly #line: SourceConfig['line'];
  readonly #lines: SourceLines;
  readonly #tally: SourceTally;
  #stream: Stream | null = null;

  constructor(
    config: SamplesConfig,
    options: { line: SourceConfig['line']; lines: SourceLines; tally: SourceTally },
  ) {
    this.#config = config;
    this.#line = options.line;
    this.#lines = options.lines;
    this.#tally = options.tally;
  }

  async take(message: SourceMessage): Promise<void> {
    const stream = this.#streamNow();
    const reading = readingIn(message, this.#config);
    if (reading === null) return this.#tally.drop('malformed');
    let samples = 0;
    for (const whole of stream.rows.push(reading)) samples += await this.#put(stream, whole);
    this.#tally.took(samples);
  }

  async interrupt(): Promise<void> {
    const line = this.#stream?.shape.line;
    this.#stream = null;
    if (line !== undefined) await this.#lines.interruptSamples(line);
  }

  /** Sends the rows that a reading gives; returns how many. */
  async #put({ grid, shape }: Stream, { seconds, values }: WholeReading): Promise<number> {
    const { rows, isGap, isLate } = grid.push(seconds, values);
    if (isLate) this.#tally.drop('late');
    if (isGap) {
      this.#tally.gap();
      await this.#lines.interruptSamples(shape.line);
    }
    for (let from = 0; from < rows.length; from += SAMPLES_MAX) {
      const samples = rows.slice(from, from + SAMPLES_MAX);
      await this.#lines.samples({ line: shape.line, rateHz: shape.rateHz, samples });
    }
    return rows.length;
  }

  #streamNow(): Stream {
    const shape = this.#lines.sensorShape(this.#line);
    if (this.#stream !== null && isSameShape(this.#stream.shape, shape)) return this.#stream;
    const channels = channelsFor(shape, this.#config);
    const { resample, gapMs, age } = this.#config;
    const grid = new SampleGrid({
      channels: channels.length,
      rateHz: shape.rateHz,
      resample,
      // What is bridged at once has the bound of a request.
      gapSeconds: Math.min(gapMs / 1_000, SAMPLES_MAX / shape.rateHz),
      withAge: age !== undefined,
    });
    this.#stream = { shape, rows: new ReadingRows(channels), grid };
    return this.#stream;
  }
}
