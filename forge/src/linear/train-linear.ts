// Owns training one linear teacher: its terms, epochs, learning rate, validation, checkpoints. A killed run that is started
// again goes on after its last whole epoch and ends with the same weights, bit by bit. It never reads a data set.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';
import { SeededRandom } from '../seeded-random.ts';
import { noisyText } from '../text/misspelling.ts';
import { type Drawn, fillTargets, SourceDraw, type TextSource } from '../text/text-sources.ts';
import { accuracyOf } from '../text/tower-evaluation.ts';
import type { TrainingProgress, ValidationTexts } from '../text/train-tower.ts';
import { scheduledRate, type TrainingSettings } from '../text/training-settings.ts';
import { readArrayFile, writeArrayFile } from '../train/array-file.ts';
import {
  afterEpoch,
  type EpochPosition,
  epochPositionSchema,
  isBest,
  RUN_START,
} from '../train/epoch-position.ts';
import type { Linear, LinearSettings, Terms } from './linear-shape.ts';
import { freshLinear, LinearTable } from './linear-table.ts';
import { learnTerms, type TextColumns, TfIdf } from './tf-idf.ts';

/** One run: what to learn, how, and where its checkpoints lie. */
export interface LinearTraining {
  readonly settings: LinearSettings;
  readonly classes: number;
  readonly seed: number;
  readonly training: TrainingSettings;
  readonly stepsPerEpoch: number;
  /** Asked for only if there is something left to learn. */
  readonly learning: () => Promise<readonly TextSource[]>;
  readonly validation: ValidationTexts;
  /** Directory of checkpoints; it exists. */
  readonly directory: string;
  readonly progress: TrainingProgress;
}

/** The best weights by validation accuracy. */
export interface TrainedLinear {
  readonly linear: Linear;
  readonly accuracy: number;
  readonly epochs: number;
}

const CHECKPOINT = 'checkpoint.bin';
const BEST = 'best.bin';
const termsSchema = z.object({
  terms: z.object({ words: z.array(z.string()), characters: z.array(z.string()) }),
});

/** Trains, or goes on training, until the last epoch or until validation stops improving. */
export async function trainLinear(training: LinearTraining): Promise<TrainedLinear> {
  const saved = await readArrayFile(join(training.directory, CHECKPOINT));
  let position = saved ? epochPositionSchema.parse(saved.meta) : RUN_START;
  if (!position.finished) position = await trainEpochs(training, position, saved?.arrays);
  return { linear: await loadLinear(training), accuracy: position.best, epochs: position.epoch };
}

async function trainEpochs(
  training: LinearTraining,
  start: EpochPosition,
  saved: ReadonlyMap<string, Float32Array> | undefined,
): Promise<EpochPosition> {
  const { classes, directory, validation, progress } = training;
  const { epochs, weightDecay } = training.training;
  const sources = await training.learning();
  const terms = learnTerms(ownTexts(sources), training.settings);
  const table = openTable(training, terms, saved);
  const features = new TfIdf(training.settings, terms);
  const judged = validation.texts.map((text) => features.of(text));
  let position = start;
  while (!position.finished) {
    const loss = trainEpoch(training, { table, features, sources, epoch: position.epoch });
    table.settle(weightDecay);
    const accuracy = accuracyOf(table.logits(judged), validation.labels);
    position = afterEpoch(position, accuracy, training.training);
    const linear = { settings: training.settings, terms, classes, table: table.state.weights };
    // The best weights first: should the run die between the two files, the epoch is repeated and writes them again.
    if (isBest(position)) await saveLinear(directory, linear);
    await saveCheckpoint(directory, table, position);
    progress.epoch({ epoch: position.epoch, epochs, loss, accuracy, best: position.best });
  }
  return position;
}

/** The texts that terms are taken from: those with a label, as far as they are learned from. */
const ownTexts = (sources: readonly TextSource[]): string[] =>
  sources.flatMap(({ texts, labels, share }) => (labels !== undefined && share > 0 ? texts : []));

function openTable(
  { classes, directory }: LinearTraining,
  { idf }: Terms,
  saved: ReadonlyMap<string, Float32Array> | undefined,
): LinearTable {
  const fresh = freshLinear(idf.length, classes);
  if (!saved) return new LinearTable(classes, fresh);
  const [weights, squares] = [saved.get('table'), saved.get('squares')];
  if (weights?.length === fresh.weights.length && squares?.length === fresh.squares.length)
    return new LinearTable(classes, { weights, squares });
  throw new NanofleetError(
    'STATE_CORRUPT',
    `${join(directory, CHECKPOINT)} is of other texts or settings than the recipe names now; delete it to start afresh`,
  );
}

interface Epoch {
  readonly table: LinearTable;
  readonly features: TfIdf;
  readonly sources: readonly TextSource[];
  readonly epoch: number;
}

function trainEpoch(run: LinearTraining, { table, features, sources, epoch }: Epoch): number {
  const { training, stepsPerEpoch: steps, classes } = run;
  const random = new SeededRandom(run.seed, 'epoch', epoch);
  const draw = new SourceDraw(sources, random);
  let sum = 0;
  for (let step = 0; step < steps; step += 1) {
    const drawn = draw.take(training.batchSize);
    const texts = drawn.map((one) => columnsOf(one, { features, training, random }));
    const rate = scheduledRate(training, epoch * steps + step, steps * training.epochs);
    const size = { rate, penalty: training.weightDecay };
    const loss = table.step(texts, targetsOf(drawn, { classes, ...training }), size);
    sum += loss;
    run.progress.step({ epoch: epoch + 1, step: step + 1, steps, loss });
  }
  return sum / steps;
}

interface Reading {
  readonly features: TfIdf;
  readonly training: TrainingSettings;
  readonly random: SeededRandom;
}

function columnsOf({ source, index }: Drawn, { features, training, random }: Reading): TextColumns {
  const text = noisyText(source.texts[index] ?? '', training, random);
  return features.of(text, () => random.uniform() >= training.featureDropout);
}

function targetsOf(drawn: readonly Drawn[], settings: Parameters<typeof fillTargets>[2]): Float32Array {
  const { classes } = settings;
  const targets = new Float32Array(drawn.length * classes);
  drawn.forEach((one, at) => fillTargets(targets.subarray(at * classes, (at + 1) * classes), one, settings));
  return targets;
}

async function saveLinear(directory: string, { terms, table }: Linear): Promise<void> {
  const { words, characters, idf } = terms;
  await writeArrayFile(join(directory, BEST), {
    meta: { terms: { words, characters } },
    arrays: new Map([
      ['table', table],
      ['idf', idf],
    ]),
  });
}

async function saveCheckpoint(
  directory: string,
  { state }: LinearTable,
  position: EpochPosition,
): Promise<void> {
  const arrays = new Map([
    ['table', state.weights],
    ['squares', state.squares],
  ]);
  await writeArrayFile(join(directory, CHECKPOINT), { meta: position, arrays });
}

async function loadLinear({ directory, settings, classes }: LinearTraining): Promise<Linear> {
  const saved = await readArrayFile(join(directory, BEST));
  const [table, idf] = [saved?.arrays.get('table'), saved?.arrays.get('idf')];
  assert(saved && table && idf, 'a finished run has best weights');
  const { terms } = termsSchema.parse(saved.meta);
  assert(table.length === (idf.length + 1) * classes, `${directory} holds weights of another shape`);
  return { settings, terms: { ...terms, idf }, classes, table };
}
