// The models whose training steps are measured, with first weights and batches as forge's own training makes them. Texts are
// sentences of the grammars of corpus/, so that no data set is needed; sizes, settings and shares are those of a recipe.
import { join } from 'node:path';
import { SeededRandom } from '@nanofleet/forge';
import {
  denseTensors,
  ENCODER_INPUTS,
  EncoderBatches,
  encoderTrainingGraph,
  featuresOf,
  freshParameters,
  freshState,
  freshTower,
  grammarSentences,
  type ParameterTensor,
  PLACES,
  readRecipe,
  SUMS_INPUT,
  type TableBatch,
  type TableLearner,
  type TextSource,
  TowerBatches,
  TrainingSession,
  towerSumsTrainingGraph,
  WordTable,
} from '@nanofleet/forge/testing';
import { ROOT } from './lone-agent.ts';

/** A model before its first step. `table` comes first among its parameters. */
export interface TrainedModel {
  readonly name: string;
  readonly kind: 'transformer' | 'bag';
  readonly parameters: readonly ParameterTensor[];
  /** Attention heads and layers of a transformer. */
  readonly heads: number;
  readonly layers: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly batchSize: number;
  readonly batches: readonly TableBatch[];
  /** Takes the parameters as they are now. */
  learner(): TableLearner;
}

const SEED = 1;
const BATCHES = { transformer: 24, bag: 96 };
/** Labels of CLINC150, and of all sets that the recipe of the transformer learns beside it. */
const LABELS = 150;
const CLASSES = 331;

interface Said {
  readonly texts: string[];
  readonly labels: Int32Array;
}

const said = async (set: string): Promise<Said> => {
  const corpus = join(ROOT, 'corpus');
  const places = { folder: join(corpus, 'grammars', set), lists: join(corpus, 'lists') };
  const sentences = await grammarSentences({ ...places, perLabel: 240, seed: SEED });
  const names = [...new Set(sentences.map(({ label }) => label))];
  const numbers = new Map(names.map((name, at) => [name, at]));
  return {
    texts: sentences.map(({ text }) => text),
    labels: Int32Array.from(sentences, ({ label }) => numbers.get(label) ?? 0),
  };
};

const recipeOf = (name: string) => readRecipe(join(ROOT, 'forge', 'recipes', `${name}.json`));

/** Every other sentence has a label, the rest are texts without one; out of scope as in the recipe. */
async function sourcesOf(shares: Awaited<ReturnType<typeof recipeOf>>['training']['shares']) {
  const task = { from: 0, count: LABELS };
  const [clinc, outOfScope] = [await said('clinc150'), await said('out-of-scope')];
  const half = <T>(items: Iterable<T>, rest: number): T[] =>
    Array.from(items).filter((_, at) => at % 2 === rest);
  const labelled = { texts: half(clinc.texts, 0), labels: Int32Array.from(half(clinc.labels, 0)) };
  return [
    { ...labelled, task, share: shares.labelled + shares.grammars },
    { texts: outOfScope.texts, outOfScope: true, task, share: shares.outOfScope },
    { texts: half(clinc.texts, 1), task, share: shares.unlabelled },
  ] satisfies TextSource[];
}

/** The transformer of `teacher-transformer.json`. */
export async function transformer(): Promise<TrainedModel> {
  const { network, training, data } = await recipeOf('teacher-transformer');
  if (network.kind !== 'transformer')
    throw new RangeError('the recipe of the transformer has another network');
  const shape = { ...network, classes: CLASSES };
  const further = await said('hwu64');
  const auxiliary: TextSource = {
    texts: further.texts,
    labels: further.labels.map((label) => label + LABELS),
    task: { from: LABELS, count: CLASSES - LABELS },
    share: data.auxiliary.reduce((sum, { share }) => sum + share, 0),
  };
  const sources = [...(await sourcesOf(training.shares)), auxiliary];
  const batches = new EncoderBatches({ shape, seed: SEED, training }, sources);
  const random = new SeededRandom(SEED, 'table');
  const table = Float32Array.from({ length: shape.buckets * shape.width }, () => 0.1 * random.normal());
  const dense = freshParameters(shape, SEED);
  const graphs = PLACES.map(
    (places) => () => encoderTrainingGraph(shape, { places, weightDecay: training.weightDecay }),
  );
  return {
    ...{ name: 'transformer', kind: 'transformer', heads: shape.heads, layers: shape.layers, ...training },
    parameters: [{ name: 'table', shape: [shape.buckets, shape.width], elements: table }, ...dense],
    batches: Array.from(
      batches.ofEpoch(0, BATCHES.transformer),
      ({ words, ...batch }): TableBatch => ({ ...batch, rows: words }),
    ),
    learner: () => ({
      session: TrainingSession.openLazily(graphs, statesOf(dense)),
      table: tableOf(shape.width, table),
      input: ENCODER_INPUTS.words,
    }),
  };
}

/** The bag of a recipe. */
export async function bag(name: string): Promise<TrainedModel> {
  const { network, training } = await recipeOf(name);
  if (network.kind !== 'bag') throw new RangeError(`the recipe ${name} has no bag`);
  const { width, hidden } = network;
  const shape = { features: featuresOf(network), width, hidden, classes: LABELS };
  const batches = new TowerBatches({ shape, seed: SEED, training }, await sourcesOf(training.shares));
  const tower = freshTower(shape, SEED);
  const dense = denseTensors(tower);
  const graph = () => towerSumsTrainingGraph(shape, training.weightDecay);
  return {
    ...{ name, kind: 'bag', heads: 0, layers: 0, ...training },
    parameters: [{ name: 'table', shape: [network.buckets, width], elements: tower.table }, ...dense],
    batches: Array.from(batches.textsOfEpoch(0, BATCHES.bag)),
    learner: () => ({
      session: TrainingSession.openLazily([graph], statesOf(dense)),
      table: tableOf(width, tower.table),
      input: SUMS_INPUT,
    }),
  };
}

const statesOf = (tensors: readonly ParameterTensor[]) =>
  new Map(tensors.map((tensor) => [tensor.name, freshState(tensor)]));

function tableOf(width: number, value: Float32Array): WordTable {
  const moment = (): Float32Array => new Float32Array(value.length);
  return new WordTable(width, { value, firstMoment: moment(), secondMoment: moment() });
}
