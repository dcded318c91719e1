// Reads series and their labelled windows from `nab.csv.gz` and `windows.json`. Refuses what does not fit together, with file and line;
// runs no detector.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { NanofleetError } from '@nanofleet/protocol';
import type { SampleSpan } from '@nanofleet/runtime';
import { z } from 'zod';

/** One series, in the order of the file. */
export interface NabSeries {
  /** As in the benchmark: `category/name.csv`. */
  readonly file: string;
  readonly category: string;
  /** Since 1970, the timestamps taken as UTC. */
  readonly seconds: Float64Array;
  readonly values: Float64Array;
  readonly windows: readonly SampleSpan[];
}

interface Place {
  readonly path: string;
  readonly line: number;
}

interface Row {
  readonly file: string;
  readonly seconds: number;
  readonly value: number;
}

const COLUMNS = ['file', 'timestamp', 'value'];
const windowsSchema = z.record(z.string(), z.array(z.tuple([z.string(), z.string()])));

/** All series of a folder. @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line` */
export async function nabSeries(directory: string): Promise<NabSeries[]> {
  const csv = join(directory, 'nab.csv.gz');
  const json = join(directory, 'windows.json');
  const rows = rowsOf(await contentOf(csv), csv);
  const windows = windowsOf(await contentOf(json), json);
  const unknown = [...windows.keys()].find((file) => !rows.has(file));
  if (unknown !== undefined)
    throw refused(windows.get(unknown)?.place ?? { path: json, line: 0 }, `${csv} has no series ${unknown}`);
  return [...rows].map(([file, samples]) => {
    const seconds = Float64Array.from(samples, (row) => row.seconds);
    const values = Float64Array.from(samples, (row) => row.value);
    const labelled = windows.get(file);
    if (labelled === undefined)
      throw refused({ path: json, line: 0 }, `it says nothing of ${file}; expected a list, [] for no window`);
    return {
      file,
      category: file.split('/')[0] ?? file,
      seconds,
      values,
      windows: spansOf(labelled, seconds),
    };
  });
}

async function contentOf(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (cause) {
    throw refused(
      { path, line: 0 },
      `it could not be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
}

function rowsOf(content: string, path: string): Map<string, Row[]> {
  const [header = '', ...lines] = content.split('\n');
  const columns = header.trim().split(',');
  const missing = COLUMNS.find((column) => !columns.includes(column));
  if (missing !== undefined)
    throw refused({ path, line: 1 }, `there is no column ${missing}; expected ${COLUMNS.join(',')}`);
  const found = new Map<string, Row[]>();
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const row = rowOf(line, { columns, place: { path, line: index + 2 } });
    const samples = found.get(row.file) ?? [];
    samples.push(row);
    found.set(row.file, samples);
  });
  if (found.size === 0) throw refused({ path, line: 1 }, 'there is no sample');
  return found;
}

function rowOf(
  line: string,
  { columns, place }: { readonly columns: readonly string[]; readonly place: Place },
): Row {
  const cells = line.trim().split(',');
  if (cells.length !== columns.length)
    throw refused(place, `${cells.length} cells under ${columns.length} columns`);
  const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
  const value = Number(cell('value'));
  if (cell('value').trim() === '' || !Number.isFinite(value))
    throw refused(place, 'the value is not a finite number');
  if (cell('file') === '') throw refused(place, 'the file is empty');
  return { file: cell('file'), seconds: secondsOf(cell('timestamp'), place), value };
}

const TIMESTAMP = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(\.0+)?$/;

function secondsOf(timestamp: string, place: Place): number {
  const [, day, time] = TIMESTAMP.exec(timestamp) ?? [];
  const milliseconds = day === undefined || time === undefined ? Number.NaN : Date.parse(`${day}T${time}Z`);
  if (Number.isNaN(milliseconds)) throw refused(place, 'the timestamp is not YYYY-MM-DD HH:MM:SS');
  return milliseconds / 1000;
}

interface Labelled {
  readonly place: Place;
  readonly spans: readonly { readonly first: number; readonly last: number }[];
}

function windowsOf(content: string, path: string): Map<string, Labelled> {
  const parsed = windowsSchema.safeParse(jsonOf(content, path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = { path, line: lineOf(content, String(issue?.path[0] ?? '')) };
    throw refused(place, 'expected {"FILE": [["START", "END"], …]}');
  }
  const labelled = Object.entries(parsed.data).map(([file, spans]): [string, Labelled] => {
    const place = { path, line: lineOf(content, file) };
    const timed = spans.map(([first, last]) => ({
      first: secondsOf(first, place),
      last: secondsOf(last, place),
    }));
    return [file, { place, spans: timed }];
  });
  return new Map(labelled);
}

function jsonOf(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw refused({ path, line: 0 }, 'it is not JSON', cause);
  }
}

/** Of the line where a series is named; 0 where none is. */
function lineOf(content: string, file: string): number {
  return content.split('\n').findIndex((line) => line.includes(JSON.stringify(file))) + 1;
}

/** Samples of the windows; both ends must be samples of the series, and windows come in order. */
function spansOf({ place, spans }: Labelled, seconds: Float64Array): SampleSpan[] {
  let before = -1;
  return spans.map(({ first, last }) => {
    const span = { first: seconds.indexOf(first), last: seconds.lastIndexOf(last) };
    if (span.first < 0 || span.last < 0)
      throw refused(place, 'a window begins or ends where the series has no sample');
    if (span.first <= before || span.last < span.first)
      throw refused(place, 'windows overlap or are not in order');
    before = span.last;
    return span;
  });
}

function refused({ path, line }: Place, problem: string, cause?: unknown): NanofleetError {
  const where = line === 0 ? path : `${path}, line ${line}`;
  return new NanofleetError('TRAINING_SET_INVALID', `${where}: ${problem}`, {
    facts: { file: path, line },
    ...(cause === undefined ? {} : { cause }),
  });
}
