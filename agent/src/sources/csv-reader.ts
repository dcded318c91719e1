/**
 * Rows of a recording, at the pace of the recording or another one. Owns the form of CSV (RFC 4180, one row a line) and
 * the pace; each row is given as an object of its columns.
 */
import { NanofleetError } from '@nanofleet/protocol';
import type { Clock } from '@nanofleet/runtime/ports';
import type { SourceFile, SourceFiles } from '../ports/source-files.ts';
import { followJsonPath } from './json-path.ts';
import { LineCutter } from './line-cutter.ts';
import type { SourceOf } from './source-config.ts';
import type { ReaderTarget, SourceReader } from './source-reader.ts';

const CHUNK_BYTES = 64 * 1024;

/** The fields of a row. */
export const splitRow = (row: string, separator: string): string[] => {
  const fields: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let at = 0; at < row.length; at += 1) {
    const letter = row[at] ?? '';
    if (letter === '"' && isQuoted && row[at + 1] === '"') {
      field += '"';
      at += 1;
    } else if (letter === '"') isQuoted = !isQuoted;
    else if (letter === separator && !isQuoted) {
      fields.push(field);
      field = '';
    } else field += letter;
  }
  return [...fields, field];
};

/** What a reader of a recording needs. */
export interface CsvReaderOptions {
  readonly config: SourceOf<'csv'>;
  readonly files: SourceFiles;
  readonly clock: Clock;
}

const failed = (file: string, why: string): NanofleetError =>
  new NanofleetError('SOURCE_FAILED', `${file} ${why}`, { facts: { file } });

/** Texts of the lines of a file, blank ones left out; null for one that is too long. */
function* linesOf(file: SourceFile, bytesMax: number): Generator<string | null> {
  const cutter = new LineCutter(bytesMax);
  let at = 0;
  for (let chunk = file.read(at, CHUNK_BYTES); chunk.length > 0; chunk = file.read(at, CHUNK_BYTES)) {
    at += chunk.length;
    for (const { text } of cutter.push(chunk)) if (text?.trim() !== '') yield text;
  }
  for (const { text } of cutter.end()) if (text?.trim() !== '') yield text;
}

/** Waits until a row is due. Owns when the first row was given. */
class Pace {
  readonly #options: CsvReaderOptions;
  #first: { rowSeconds: number; clockSeconds: number } | null = null;

  constructor(options: CsvReaderOptions) {
    this.#options = options;
  }

  async until(rowSeconds: number, target: ReaderTarget): Promise<void> {
    const { clock, config } = this.#options;
    if (config.speed === 0) return;
    const clockSeconds = clock.monotonicMicros() / 1e6;
    this.#first ??= { rowSeconds, clockSeconds };
    const dueSeconds = this.#first.clockSeconds + (rowSeconds - this.#first.rowSeconds) / config.speed;
    // Timers are of whole milliseconds: rows of less than one come together.
    const waitMs = Math.floor((dueSeconds - clockSeconds) * 1_000);
    if (waitMs > 0) await target.pause(waitMs);
  }
}

/** Reads the recording of a source. */
export class CsvReader implements SourceReader {
  readonly #options: CsvReaderOptions;

  constructor(options: CsvReaderOptions) {
    this.#options = options;
  }

  async run(target: ReaderTarget, signal: AbortSignal): Promise<void> {
    const { config, files } = this.#options;
    let rows = 0;
    do {
      const file = files.open(config.file);
      if (file === null) throw failed(config.file, 'is missing');
      try {
        const read = await this.#replay(file, target, signal);
        if (read === 0) throw failed(config.file, 'has no rows below its names of columns');
        rows += read;
      } finally {
        file.close();
      }
      if (config.loop && !signal.aborted) await target.interrupt();
    } while (config.loop && rows > 0 && !signal.aborted);
  }

  async #replay(file: SourceFile, target: ReaderTarget, signal: AbortSignal): Promise<number> {
    const { config } = this.#options;
    const lines = linesOf(file, config.limits.messageBytes);
    const names = splitRow(String(lines.next().value ?? ''), config.separator).map((name) => name.trim());
    const pace = new Pace(this.#options);
    let rows = 0;
    target.opened();
    for (const text of lines) {
      if (signal.aborted) return rows;
      if (text === null) {
        target.drop('tooLarge');
        continue;
      }
      const fields = splitRow(text, config.separator);
      const value = Object.fromEntries(names.map((name, column) => [name, fields[column] ?? '']));
      const seconds = this.#secondsOf(value, rows);
      if (seconds !== null) await pace.until(seconds, target);
      await target.put({
        text,
        value,
        ...(config.rateHz === undefined ? {} : { seconds: rows / config.rateHz }),
      });
      rows += 1;
    }
    return rows;
  }

  /** When a row was recorded; null where neither it nor a rate says so. */
  #secondsOf(value: unknown, row: number): number | null {
    const { rateHz, samples } = this.#options.config;
    if (rateHz !== undefined) return row / rateHz;
    if (samples?.time === undefined) return null;
    const { path, unit } = samples.time;
    const found = followJsonPath(value, path);
    const told =
      unit === 'iso' ? Date.parse(String(found)) / 1_000 : Number(found) * (unit === 's' ? 1 : 1e-3);
    return Number.isFinite(told) ? told : null;
  }
}
