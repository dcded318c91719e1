// Owns training one tower: epochs, learning rate, validation, early stopping, checkpoints. A killed run that is started
// again goes on after its last whole epoch and ends with the same weights, bit by bit. It never reads a data set.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { TextFeatures } from '@nanofleet/runtime';
import { correctedRate } from '../autodiff/optimizer.ts';
import { tableStep } from '../encoder/table-step.ts';
import { WordTable } from '../encoder/word-table.ts';
import { readArrayFile, writeArrayFile } from '../train/array-file.ts';
import {
  afterEpoch,
  type EpochPosition,
  epochPositionSchema,
  isBest,
  RUN_START,
} from '../train/epoch-position.ts';
import { freshState, type ParameterState, TrainingSession } from '../train/training-session.ts';
import type { TextSource } from './text-sources.ts';
import {
  type DenseParameter,
  denseParameters,
  denseTensors,
  freshTower,
  parameterShape,
  type Tower,
  type TowerShape,
} from './tower.ts';
import { type BatchSettings, TowerBatches } from './tower-batches.ts';
import { accuracyOf, towerLogits } from './tower-evaluation.ts';
import { SUMS_INPUT, towerSumsTrainingGraph } from './tower-graphs.ts';
import { scheduledRate } from './training-settings.ts';

/** Labelled texts that decide when to stop. */
export interface ValidationTexts {
  readonly texts: readonly string[];
  readonly labels: Int32Array;
}

/** Told after each batch and each epoch. */
export interface TrainingProgress {
  step(progress: {
    readonly epoch: number;
    readonly step: number;
    readonly steps: number;
    readonly loss: number;
  }): void;
  epoch(progress: {
    readonly epoch: number;
    readonly epochs: number;
    readonly loss: number;
    readonly accuracy: number;
    readonly best: number;
  }): void;
}

/** One run: what to learn, how, where its checkpoints lie, and whether to stop between epochs. */
export interface TowerTraining extends BatchSettings {
  /** Asked for only if there is something left to learn: a teacher's logits over many texts take minutes. */
  readonly learning: () => Promise<readonly TextSource[]>;
  readonly stepsPerEpoch: number;
  readonly validation: ValidationTexts;
  /** Directory of checkpoints; it exists. */
  readonly directory: string;
  readonly progress: TrainingProgress;
}

/** The best tower by validation accuracy. */
export interface TrainedTower {
  readonly tower: Tower;
  /** Share of validation texts whose largest logit is their label's, in float32. */
  readonly accuracy: number;
  readonly epochs: number;
}

const CHECKPOINT = 'checkpoint.bin';
const BEST = 'best.bin';
const MOMENTS = { first: 'm:', second: 'v:' } as const;

/** Trains, or goes on training, until the last epoch or until validation stops improving. */
export async function trainTower(training: TowerTraining): Promise<TrainedTower> {
  const run = await resume(training);
  const position = run.position.finished ? run.position : await trainEpochs(training, run);
  await run.session.release();
  const tower = await loadTower(join(training.directory, BEST), training.shape);
  assert(tower, 'a finished run has best weights');
  return { tower, accuracy: position.best, epochs: position.epoch };
}

async function trainEpochs(training: TowerTraining, run: Run): Promise<EpochPosition> {
  const batches = new TowerBatches(training, await training.learning());
  const features = new TextFeatures(training.shape.features);
  const validation = training.validation.texts.map((text) => features.of(text).rows);
  const { epochs } = training.training;
  let { position } = run;
  while (!position.finished) {
    const loss = await trainEpoch(training, { ...run, batches, epoch: position.epoch });
    const tower = towerOf(training.shape, run);
    const accuracy = accuracyOf(await towerLogits(tower, validation), training.validation.labels);
    position = afterEpoch(position, accuracy, training.training);
    // The best weights first: should the run die between the two files, the epoch is repeated and writes them again.
    if (isBest(position))
      await saveTower(join(training.directory, BEST), tower, { accuracy, epoch: position.epoch });
    await saveCheckpoint(training.directory, run, position);
    training.progress.epoch({ epoch: position.epoch, epochs, loss, accuracy, best: position.best });
  }
  return position;
}

interface Run {
  readonly session: TrainingSession;
  readonly table: WordTable;
  readonly position: EpochPosition;
}

async function trainEpoch(
  training: TowerTraining,
  { session, table, batches, epoch }: Run & { readonly batches: TowerBatches; readonly epoch: number },
): Promise<number> {
  const steps = training.stepsPerEpoch;
  let sum = 0;
  let step = 0;
  const learner = { session, table, input: SUMS_INPUT };
  for (const batch of batches.textsOfEpoch(epoch, steps)) {
    const overall = epoch * steps + step;
    const learningRate = correctedRate(
      scheduledRate(training.training, overall, steps * training.training.epochs),
      overall + 1,
    );
    const loss = await tableStep(learner, batch, learningRate);
    sum += loss;
    step += 1;
    training.progress.step({ epoch: epoch + 1, step, steps, loss });
  }
  return sum / steps;
}

async function resume(training: TowerTraining): Promise<Run> {
  const saved = await readArrayFile(join(training.directory, CHECKPOINT));
  const graph = towerSumsTrainingGraph(training.shape, training.training.weightDecay);
  const state = saved
    ? savedState(saved.arrays, training.shape)
    : freshStateOf(freshTower(training.shape, training.seed));
  const position = saved ? epochPositionSchema.parse(saved.meta) : RUN_START;
  return { session: await TrainingSession.open(graph, state.dense), table: state.table, position };
}

interface State {
  readonly table: WordTable;
  readonly dense: Map<string, ParameterState>;
}

function freshStateOf(tower: Tower): State {
  const dense = new Map(denseTensors(tower).map((tensor) => [tensor.name, freshState(tensor)]));
  const moment = (): Float32Array => new Float32Array(tower.table.length);
  const table = { value: tower.table, firstMoment: moment(), secondMoment: moment() };
  return { table: new WordTable(tower.shape.width, table), dense };
}

function savedState(arrays: ReadonlyMap<string, Float32Array>, shape: TowerShape): State {
  const array = (name: string): Float32Array => {
    const found = arrays.get(name);
    assert(found, `the checkpoint lacks ${name}`);
    return found;
  };
  const table = {
    value: array('table'),
    firstMoment: array(`${MOMENTS.first}table`),
    secondMoment: array(`${MOMENTS.second}table`),
  };
  const dense = denseParameters(shape).map((name) => {
    const state = {
      shape: parameterShape(shape, name),
      value: array(name),
      firstMoment: array(MOMENTS.first + name),
      secondMoment: array(MOMENTS.second + name),
    };
    return [name, state] as const;
  });
  return { table: new WordTable(shape.width, table), dense: new Map(dense) };
}

async function saveCheckpoint(
  directory: string,
  { session, table }: Run,
  position: EpochPosition,
): Promise<void> {
  const arrays = new Map([
    ['table', table.state.value],
    [`${MOMENTS.first}table`, table.state.firstMoment],
    [`${MOMENTS.second}table`, table.state.secondMoment],
  ]);
  for (const [name, { value, firstMoment, secondMoment }] of session.state()) {
    arrays
      .set(name, value)
      .set(MOMENTS.first + name, firstMoment)
      .set(MOMENTS.second + name, secondMoment);
  }
  await writeArrayFile(join(directory, CHECKPOINT), { meta: position, arrays });
}

function towerOf(shape: TowerShape, { session, table }: Run): Tower {
  const dense = Object.fromEntries([...session.state()].map(([name, { value }]) => [name, value]));
  return { shape, table: table.state.value, dense: dense as Record<DenseParameter, Float32Array> };
}

/** Writes the weights of a tower; `meta` is kept beside them. */
async function saveTower(path: string, tower: Tower, meta: unknown): Promise<void> {
  await writeArrayFile(path, {
    meta,
    arrays: new Map([
      ['table', tower.table],
      ...denseParameters(tower.shape).map((name) => [name, tower.dense[name]] as const),
    ]),
  });
}

/** Reads the weights of a tower of a known shape; undefined if there is no such file. */
async function loadTower(path: string, shape: TowerShape): Promise<Tower | undefined> {
  const saved = await readArrayFile(path);
  if (!saved) return undefined;
  const { table, dense } = savedWeights(saved.arrays);
  assert(table.length === shape.features.buckets * shape.width, `${path} is of a tower of another shape`);
  return { shape, table, dense };
}

function savedWeights(arrays: ReadonlyMap<string, Float32Array>): Pick<Tower, 'table' | 'dense'> {
  const { table, ...dense } = Object.fromEntries(arrays);
  assert(table, 'weights hold a table');
  return { table, dense: dense as Record<DenseParameter, Float32Array> };
}
