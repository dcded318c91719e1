// Owns training one encoder: epochs, learning rate, validation, checkpoints. A killed run that is started again goes on after
// its last whole epoch and ends with the same weights, bit by bit. It never reads a data set.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { z } from 'zod';
import { correctedRate } from '../autodiff/optimizer.ts';
import { SeededRandom } from '../seeded-random.ts';
import type { TextSource } from '../text/text-sources.ts';
import { accuracyOf } from '../text/tower-evaluation.ts';
import type { TrainingProgress, ValidationTexts } from '../text/train-tower.ts';
import { scheduledRate } from '../text/training-settings.ts';
import { readArrayFile, writeArrayFile } from '../train/array-file.ts';
import { freshState, type ParameterState, TrainingSession } from '../train/training-session.ts';
import { EncoderBatches, type EncoderBatchSettings, PLACES } from './encoder-batches.ts';
import { encoderLogits } from './encoder-evaluation.ts';
import { ENCODER_INPUTS, encoderTrainingGraph } from './encoder-graphs.ts';
import { type Encoder, type EncoderShape, freshParameters, parameterSpecs } from './encoder-shape.ts';
import { tableStep } from './table-step.ts';
import { WordTable } from './word-table.ts';

/** One run: what to learn, how, and where its checkpoints lie. */
export interface EncoderTraining extends EncoderBatchSettings {
  readonly stepsPerEpoch: number;
  /** Asked for only if there is something left to learn. */
  readonly learning: () => Promise<readonly TextSource[]>;
  /** Labelled texts of the first task, whose classes come first. */
  readonly validation: ValidationTexts & { readonly classes: number };
  /** Directory of checkpoints; it exists. */
  readonly directory: string;
  readonly progress: TrainingProgress;
}

/** The best encoder by validation accuracy on the first task. */
export interface TrainedEncoder {
  readonly encoder: Encoder;
  readonly accuracy: number;
  readonly epochs: number;
}

const positionSchema = z.object({ epoch: z.int().min(0), best: z.number() });
type Position = z.infer<typeof positionSchema>;

interface Run {
  readonly session: TrainingSession;
  readonly table: WordTable;
  readonly position: Position;
}

const CHECKPOINT = 'checkpoint.bin';
const BEST = 'best.bin';
const MOMENTS = { first: 'm:', second: 'v:' } as const;
const TABLE = 'table';

/** Trains, or goes on training, until the last epoch. */
export async function trainEncoder(training: EncoderTraining): Promise<TrainedEncoder> {
  const best = join(training.directory, BEST);
  const { epochs } = training.training;
  const saved = await readArrayFile(join(training.directory, CHECKPOINT));
  let position: Position = saved ? positionSchema.parse(saved.meta) : { epoch: 0, best: -1 };
  if (position.epoch < epochs) {
    const run = open(training, saved?.arrays);
    const batches = new EncoderBatches(training, await training.learning());
    while (position.epoch < epochs) position = await trainEpoch(training, { ...run, position }, batches);
    await run.session.release();
  }
  const weights = await readArrayFile(best);
  assert(weights, 'a finished run has best weights');
  return { encoder: encoderOf(training.shape, weights.arrays), accuracy: position.best, epochs };
}

async function trainEpoch(training: EncoderTraining, run: Run, batches: EncoderBatches): Promise<Position> {
  const { directory, shape, validation, progress } = training;
  const { epochs } = training.training;
  const loss = await steps(training, run, batches);
  const encoder = encoderOf(shape, weightsOf(run));
  const accuracy = await validate(encoder, validation);
  const epoch = run.position.epoch + 1;
  const better = accuracy > run.position.best;
  if (better)
    await writeArrayFile(join(directory, BEST), { meta: { epoch, accuracy }, arrays: weightsOf(run) });
  const position = { epoch, best: Math.max(accuracy, run.position.best) };
  await writeArrayFile(join(directory, CHECKPOINT), { meta: position, arrays: stateOf(run) });
  progress.epoch({ epoch, epochs, loss, accuracy, best: position.best });
  return position;
}

async function steps(training: EncoderTraining, run: Run, batches: EncoderBatches): Promise<number> {
  const { stepsPerEpoch, progress } = training;
  const learner = { ...run, input: ENCODER_INPUTS.words };
  let sum = 0;
  let step = 0;
  for (const { feeds, words, graph } of batches.ofEpoch(run.position.epoch, stepsPerEpoch)) {
    const overall = run.position.epoch * stepsPerEpoch + step;
    const rate = scheduledRate(training.training, overall, stepsPerEpoch * training.training.epochs);
    const learningRate = correctedRate(rate, overall + 1);
    sum += await tableStep(learner, { feeds, rows: words, graph }, learningRate);
    step += 1;
    progress.step({ epoch: run.position.epoch + 1, step, steps: stepsPerEpoch, loss: sum / step });
  }
  return sum / stepsPerEpoch;
}

/** Share of texts whose largest logit among the first task's is their label's. */
async function validate(
  encoder: Encoder,
  { texts, labels, classes }: EncoderTraining['validation'],
): Promise<number> {
  const logits = await encoderLogits(encoder, texts);
  return accuracyOf(firstClasses(logits, { classes: encoder.shape.classes, kept: classes }), labels);
}

/** The first `kept` columns of logits [texts, classes]. */
export function firstClasses(
  logits: Float32Array,
  { classes, kept }: { readonly classes: number; readonly kept: number },
): Float32Array {
  const texts = logits.length / classes;
  const own = new Float32Array(texts * kept);
  for (let text = 0; text < texts; text += 1)
    own.set(logits.subarray(text * classes, text * classes + kept), text * kept);
  return own;
}

function open(
  training: EncoderTraining,
  saved: ReadonlyMap<string, Float32Array> | undefined,
): Omit<Run, 'position'> {
  const { shape, seed } = training;
  const { weightDecay } = training.training;
  const graphs = PLACES.map((places) => () => encoderTrainingGraph(shape, { places, weightDecay }));
  const fresh = saved ?? freshArrays(shape, seed);
  const array = (name: string): Float32Array => {
    const found = fresh.get(name);
    assert(found, `the checkpoint lacks ${name}`);
    return found;
  };
  const state = new Map<string, ParameterState>(
    parameterSpecs(shape).map(({ name, shape: dimensions }) => [
      name,
      saved
        ? {
            shape: dimensions,
            value: array(name),
            firstMoment: array(MOMENTS.first + name),
            secondMoment: array(MOMENTS.second + name),
          }
        : freshState({ shape: dimensions, elements: array(name) }),
    ]),
  );
  const value = array(TABLE);
  const moment = (kind: string): Float32Array =>
    saved ? array(kind + TABLE) : new Float32Array(value.length);
  const table = { value, firstMoment: moment(MOMENTS.first), secondMoment: moment(MOMENTS.second) };
  return { session: TrainingSession.openLazily(graphs, state), table: new WordTable(shape.width, table) };
}

function freshArrays(shape: EncoderShape, seed: number): Map<string, Float32Array> {
  const random = new SeededRandom(seed, 'initial', TABLE);
  const table = Float32Array.from({ length: shape.buckets * shape.width }, () => 0.1 * random.normal());
  return new Map([
    [TABLE, table],
    ...freshParameters(shape, seed).map(({ name, elements }) => [name, elements] as const),
  ]);
}

function weightsOf({ session, table }: Omit<Run, 'position'>): Map<string, Float32Array> {
  const parameters = [...session.state()].map(([name, { value }]) => [name, value] as const);
  return new Map([[TABLE, table.state.value], ...parameters]);
}

function stateOf({ session, table }: Run): Map<string, Float32Array> {
  const arrays = new Map<string, Float32Array>([
    [TABLE, table.state.value],
    [MOMENTS.first + TABLE, table.state.firstMoment],
    [MOMENTS.second + TABLE, table.state.secondMoment],
  ]);
  for (const [name, { value, firstMoment, secondMoment }] of session.state())
    arrays
      .set(name, value)
      .set(MOMENTS.first + name, firstMoment)
      .set(MOMENTS.second + name, secondMoment);
  return arrays;
}

function encoderOf(shape: EncoderShape, arrays: ReadonlyMap<string, Float32Array>): Encoder {
  const table = arrays.get(TABLE);
  assert(table, 'weights hold a table');
  return { shape, table, parameters: new Map([...arrays].filter(([name]) => name !== TABLE)) };
}
