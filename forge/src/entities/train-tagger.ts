// Owns training one tagger: epochs, learning rate, validation, checkpoints. A killed run that is started again goes on after
// its last whole epoch and ends with the same weights, bit by bit. It never reads a data set.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { transitionBytes, transitionsOf } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import { z } from 'zod';
import { correctedRate, gradientName } from '../autodiff/optimizer.ts';
import type { WordTable } from '../encoder/word-table.ts';
import { scheduledRate } from '../text/training-settings.ts';
import { afterEpoch, epochPositionSchema, isBest, RUN_START } from '../train/epoch-position.ts';
import { TrainingSession } from '../train/training-session.ts';
import type { JudgedTexts } from './recipe-texts.ts';
import { learnedTransitions } from './tag-order.ts';
import { denseShapes, freshTagger, type Tagger, type TaggerShape } from './tagger.ts';
import { TaggerBatches, type TaggerBatchSettings, type TaggerTexts } from './tagger-batches.ts';
import { type ScoringNames, type TaggerScore, taggerOutputs, taggerScore } from './tagger-evaluation.ts';
import { INPUTS, taggerTrainingGraph } from './tagger-graphs.ts';
import { readState, readWeights, writeState, writeWeights } from './tagger-state.ts';

/** Told after each epoch. */
export type TaggerProgress = (progress: {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly score: TaggerScore;
  readonly best: number;
}) => void;

/** One run: what to learn, how, where its checkpoints lie. */
export interface TaggerTraining extends TaggerBatchSettings {
  readonly learning: TaggerTexts;
  readonly validation: JudgedTexts;
  /** Directory of checkpoints; it exists. */
  readonly directory: string;
  readonly progress: TaggerProgress;
}

/** The best tagger by validation: mean of intent accuracy and span F1. */
export interface TrainedTagger {
  readonly tagger: Tagger;
  readonly best: number;
  readonly epochs: number;
}

const positionSchema = epochPositionSchema.extend({ step: z.int().min(0) });
type Position = z.infer<typeof positionSchema>;

const CHECKPOINT = 'checkpoint.bin';
const BEST = 'best.bin';

interface Run {
  readonly session: TrainingSession;
  readonly table: WordTable;
  readonly position: Position;
}

/** Trains, or goes on training, until the last epoch or until validation stops improving. */
export async function trainTagger(training: TaggerTraining): Promise<TrainedTagger> {
  const run = await resume(training);
  let { position } = run;
  try {
    const batches = new TaggerBatches(training, training.learning);
    while (!position.finished) position = await trainEpoch(training, { ...run, position }, batches);
  } finally {
    await run.session.release();
  }
  const weights = await readWeights(join(training.directory, BEST));
  assert(weights?.table.length === training.shape.features.buckets * training.shape.width);
  const tagger = { shape: training.shape, ...weights };
  return { tagger, best: position.best, epochs: position.epoch };
}

async function trainEpoch(training: TaggerTraining, run: Run, batches: TaggerBatches): Promise<Position> {
  const { epoch } = run.position;
  const { epochs } = training.training;
  const { loss, step } = await takeSteps(training, run, batches);
  const tagger = taggerOf(training.shape, run);
  const { texts } = training.validation;
  const outputs = await taggerOutputs(
    tagger,
    texts.map(({ text }) => text),
  );
  const score = taggerScore(outputs, texts, namesOf(training, tagger));
  const value = (score.intents + score.spans.f1) / 2;
  const position = { ...afterEpoch(run.position, value, training.training), step };
  // The best weights first: should the run die between the two files, the epoch is repeated and writes them again.
  if (isBest(position))
    await writeWeights(join(training.directory, BEST), tagger, { value, epoch: epoch + 1 });
  await writeState(join(training.directory, CHECKPOINT), run, position);
  training.progress({ epoch: epoch + 1, epochs, loss, score, best: position.best });
  return position;
}

async function takeSteps(
  { training, shape }: TaggerTraining,
  { session, table, position }: Run,
  batches: TaggerBatches,
): Promise<{ loss: number; step: number }> {
  const all = batches.stepsPerEpoch * training.epochs;
  let { step } = position;
  let sum = 0;
  for (const { feeds, rows } of batches.ofEpoch(position.epoch, table)) {
    const learningRate = correctedRate(scheduledRate(training, step, all), step + 1);
    const gradient = new Tensor('float32', new Float32Array(rows.length * shape.width), [
      rows.length,
      shape.width,
    ]);
    const fetches = { [gradientName(INPUTS.tokens)]: gradient };
    sum += await session.step({ feeds, learningRate, fetches });
    table.learn(rows, gradient.data, learningRate);
    step += 1;
  }
  return { loss: sum / batches.stepsPerEpoch, step };
}

async function resume(training: TaggerTraining): Promise<Run> {
  const { shape, seed, directory } = training;
  const wanted = { width: shape.width, dense: denseShapes(shape) };
  const fresh = (): Tagger => freshTagger(shape, seed);
  const { dense, table, meta } = await readState(join(directory, CHECKPOINT), wanted, fresh);
  const position = meta === undefined ? { ...RUN_START, step: 0 } : positionSchema.parse(meta);
  const graph = taggerTrainingGraph(shape, training.training);
  return { session: await TrainingSession.open(graph, dense), table, position };
}

/** What outputs are scored with: an order that is learned is part of what an epoch has learned. */
function namesOf({ learning, shape }: TaggerTraining, { dense }: Tagger): ScoringNames {
  if (!shape.learnsOrder) return learning;
  return { ...learning, transitions: transitionsOf(transitionBytes(learnedTransitions(dense))) };
}

function taggerOf(shape: TaggerShape, { session, table }: Run): Tagger {
  const dense = new Map([...session.state()].map(([name, { value }]) => [name, value]));
  return { shape, table: table.state.value, dense };
}
