// Owns what a training run of a tagger holds between epochs: parameters with their moments, the table, and a position; and
// the file where they lie. It never trains.
import assert from 'node:assert/strict';
import { WordTable } from '../encoder/word-table.ts';
import { readArrayFile, writeArrayFile } from '../train/array-file.ts';
import { freshState, type ParameterState, type TrainingSession } from '../train/training-session.ts';

const TABLE = 'table';
const MOMENTS = { first: 'm:', second: 'v:' } as const;

/** Weights: the table and the others by their names. */
export interface Weights {
  readonly table: Float32Array;
  readonly dense: ReadonlyMap<string, Float32Array>;
}

/** Weights with Adam's moments, as training takes them up. */
export interface TrainingState {
  readonly table: WordTable;
  readonly dense: Map<string, ParameterState>;
  /** What was saved with them; undefined at the start. */
  readonly meta: unknown;
}

/** The dimensions of the weights that a state holds, table aside. */
export interface StateShape {
  readonly width: number;
  readonly dense: ReadonlyMap<string, readonly number[]>;
}

/** The state in a file, or that of fresh weights if there is no file. */
export async function readState(
  path: string,
  { width, dense }: StateShape,
  fresh: () => Weights,
): Promise<TrainingState> {
  const saved = await readArrayFile(path);
  if (!saved) return freshTrainingState(fresh(), { width, dense });
  const array = (name: string): Float32Array => {
    const found = saved.arrays.get(name);
    assert(found, `${path} lacks ${name}`);
    return found;
  };
  const state = (name: string): Omit<ParameterState, 'shape'> => ({
    value: array(name),
    firstMoment: array(MOMENTS.first + name),
    secondMoment: array(MOMENTS.second + name),
  });
  const states = [...dense].map(([name, shape]) => [name, { shape, ...state(name) }] as const);
  return { table: new WordTable(width, state(TABLE)), dense: new Map(states), meta: saved.meta };
}

function freshTrainingState(weights: Weights, { width, dense }: StateShape): TrainingState {
  const zeros = (): Float32Array => new Float32Array(weights.table.length);
  const states = [...dense].map(([name, shape]) => {
    const elements = weights.dense.get(name);
    assert(elements, `there is no weight ${name}`);
    return [name, freshState({ shape, elements })] as const;
  });
  const table = { value: weights.table, firstMoment: zeros(), secondMoment: zeros() };
  return { table: new WordTable(width, table), dense: new Map(states), meta: undefined };
}

/** Writes a state; `meta` is kept beside it. */
export async function writeState(
  path: string,
  { session, table }: { readonly session: TrainingSession; readonly table: WordTable },
  meta: unknown,
): Promise<void> {
  const arrays = new Map<string, Float32Array>();
  for (const [name, { value, firstMoment, secondMoment }] of [
    [TABLE, table.state] as const,
    ...session.state(),
  ]) {
    arrays
      .set(name, value)
      .set(MOMENTS.first + name, firstMoment)
      .set(MOMENTS.second + name, secondMoment);
  }
  await writeArrayFile(path, { meta, arrays });
}

/** Writes weights without moments. */
export async function writeWeights(path: string, { table, dense }: Weights, meta: unknown): Promise<void> {
  await writeArrayFile(path, { meta, arrays: new Map([[TABLE, table], ...dense]) });
}

/** Reads weights; undefined if there is no such file. */
export async function readWeights(path: string): Promise<Weights | undefined> {
  const saved = await readArrayFile(path);
  if (!saved) return undefined;
  const { [TABLE]: table, ...dense } = Object.fromEntries(saved.arrays);
  assert(table, `${path} holds no table`);
  return { table, dense: new Map(Object.entries(dense)) };
}
