// Owns reading labelled recordings: tables of samples at a steady rate, of irregular readings, or of frames. Bad data is refused
// with file and line before anything is trained. It never cuts windows.
import { HeldSamples } from '@nanofleet/runtime';
import { lineOfRow, numberOf, readCsv, refusedRow } from '../datasets/csv-table.ts';
import { labelNames, type SensorRecipe } from './recipe.ts';

/** One recording. */
export interface Recording {
  /** Who or what it is kept apart with. */
  readonly group: string;
  /** Interleaved samples, all channels of one sample together. */
  readonly values: Float32Array;
  /** The label of each sample. */
  readonly labels: Int32Array;
  /** How many readings each sample is the first to show: 1 at a steady rate. */
  readonly readings: Int32Array;
}

/** All recordings of a recipe. */
export interface Recordings {
  readonly channels: readonly string[];
  readonly labels: readonly string[];
  readonly recordings: readonly Recording[];
}

/** The channel that says for how many seconds irregular values have been held. */
const AGE_CHANNEL = 'age';
/** Ages beyond this say no more. */
const AGE_SECONDS_MAX = 10;

/** Reads a recipe's recordings. @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line` */
export async function readRecordings(
  recipe: Pick<SensorRecipe, 'data' | 'labels'>,
  file: string,
): Promise<Recordings> {
  const names = labelNames(recipe);
  const { data, labels } = recipe;
  const found =
    data.kind === 'samples'
      ? await readSamples({ data, labels }, file)
      : await readFrames({ data, labels }, file);
  const seen = new Set(found.recordings.flatMap(({ labels }) => [...new Set(labels)]));
  if (seen.size < 2)
    throw refusedRow(
      { file, line: 0 },
      `all samples have the label ${names[[...seen][0] ?? 0]}; at least two labels are needed to learn to tell them apart`,
    );
  return { ...found, labels: names };
}

type Read = Omit<Recordings, 'labels'>;

/** What a recipe says of a table of one kind. */
interface TableOf<Kind extends SensorRecipe['data']['kind']> extends Pick<SensorRecipe, 'labels'> {
  readonly data: Extract<SensorRecipe['data'], { kind: Kind }>;
}

async function readSamples({ data, labels }: TableOf<'samples'>, file: string): Promise<Read> {
  const columns = data.channels.map(({ column }) => column);
  const keys = [...data.recording, data.group, data.label, ...(data.time === undefined ? [] : [data.time])];
  const { rows } = await readCsv(file, [...keys, ...columns]);
  const labelOf = labelReader(labels, { file, column: data.label });
  const parts = new Map<string, { group: string; values: number[]; labels: number[]; times: number[] }>();
  const groupAt = data.recording.length;
  rows.forEach((cells, row) => {
    const line = lineOfRow(row);
    const key = cells.slice(0, groupAt).join('\u0000');
    const part = parts.get(key) ?? { group: cells[groupAt] ?? '', values: [], labels: [], times: [] };
    parts.set(key, part);
    part.labels.push(labelOf(cells[groupAt + 1] ?? '', line));
    if (data.time !== undefined) {
      const seconds = numberOf(cells[groupAt + 2] ?? '', { file, line, column: data.time });
      if (seconds < (part.times.at(-1) ?? Number.NEGATIVE_INFINITY))
        throw refusedRow({ file, line }, `${data.time} goes back within a recording`);
      part.times.push(seconds);
    }
    data.channels.forEach(({ column, scale, equals }, at) => {
      const cell = cells[keys.length + at] ?? '';
      part.values.push(
        equals === undefined ? numberOf(cell, { file, line, column }) * scale : Number(cell === equals),
      );
    });
  });
  const names = data.channels.map(({ name }) => name);
  const steady = [...parts.values()].map(({ group, values, labels: own, times }) => ({
    recording: {
      group,
      values: Float32Array.from(values),
      labels: Int32Array.from(own),
      readings: new Int32Array(own.length).fill(1),
    },
    times,
  }));
  if (data.time === undefined)
    return { channels: names, recordings: steady.map(({ recording }) => recording) };
  return {
    channels: [...names, AGE_CHANNEL],
    recordings: steady.map(({ recording, times }) =>
      onGrid(recording, { times, channels: names.length, rateHz: data.rateHz }),
    ),
  };
}

/** Irregular readings on a steady grid, as a device puts them; each grid sample has the label of the last reading. */
function onGrid(
  { group, values, labels }: Recording,
  {
    times,
    channels,
    rateHz,
  }: { readonly times: readonly number[]; readonly channels: number; readonly rateHz: number },
): Recording {
  const held = new HeldSamples({ channels, rateHz, ageSecondsMax: AGE_SECONDS_MAX });
  const samples: number[] = [];
  const owners: number[] = [];
  const readings: number[] = [];
  let fresh = 0;
  const take = (emitted: readonly number[], label: number): void => {
    samples.push(...emitted);
    for (let count = emitted.length / (channels + 1); count > 0; count -= 1) {
      owners.push(label);
      readings.push(fresh);
      fresh = 0;
    }
  };
  times.forEach((seconds, at) => {
    take(held.push(seconds, values.subarray(at * channels, (at + 1) * channels)), labels[at - 1] ?? 0);
    fresh += 1;
  });
  take(held.flush(), labels.at(-1) ?? 0);
  return {
    group,
    values: Float32Array.from(samples),
    labels: Int32Array.from(owners),
    readings: Int32Array.from(readings),
  };
}

async function readFrames({ data, labels }: TableOf<'frames'>, file: string): Promise<Read> {
  const { rows } = await readCsv(file, [data.group, data.label, data.frames]);
  const labelOf = labelReader(labels, { file, column: data.label });
  let expected = 0;
  const recordings = rows.map(([group = '', label = '', hex = ''], row) => {
    const line = lineOfRow(row);
    const count = hex.length / 2 / data.bands;
    if (!/^[0-9a-f]+$/i.test(hex) || !Number.isInteger(count))
      throw refusedRow({ file, line }, `${data.frames} is not hexadecimal frames of ${data.bands} bytes`);
    expected ||= count;
    if (count !== expected)
      throw refusedRow({ file, line }, `${count} frames, where the recordings before have ${expected}`);
    const values = Float32Array.from(Buffer.from(hex, 'hex'));
    return {
      group,
      values,
      labels: new Int32Array(count).fill(labelOf(label, line)),
      readings: new Int32Array(count).fill(1),
    };
  });
  return { channels: Array.from({ length: data.bands }, (_, band) => `band${band}`), recordings };
}

function labelReader(
  labels: SensorRecipe['labels'],
  { file, column }: { readonly file: string; readonly column: string },
): (cell: string, line: number) => number {
  const names = labelNames({ labels });
  const numbers = new Map(Object.entries(labels).map(([cell, name]) => [cell, names.indexOf(name)]));
  return (cell, line) => {
    const number = numbers.get(cell);
    if (number !== undefined) return number;
    const problem =
      cell === '' ? `there is no ${column}` : `${column} ${cell} is none of the recipe's labels`;
    throw refusedRow({ file, line }, `${problem} (${[...numbers.keys()].join(', ')})`);
  };
}
