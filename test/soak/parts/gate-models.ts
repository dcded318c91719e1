// Models for the campaign of the quality gate: a shipped bundle, the same with its head trained once more, and the same
// with noise on the weights of its head until it loses so many points of validation. What each decides on each sentence
// comes from the runner that devices have; a sentence's table says what a device counts when it is said.
import { join } from 'node:path';
import { SeededRandom } from '@nanofleet/forge';
import { roundSettingsSchema } from '@nanofleet/protocol';
import { HEAD_TRAINING_DEFAULTS, type Head, type Scored } from '@nanofleet/runtime';
import {
  type CheckedBundle,
  inspectBundle,
  loadTextRunner,
  makeCandidate,
  textManifestOf,
} from '@nanofleet/runtime/node';
import { type Base, baseOf, examplesOf, trained } from '../../bench/parts/learning.ts';
import { readSaid, type Said } from '../../bench/parts/learning-sentences.ts';
import { ROOT } from '../../bench/parts/lone-agent.ts';

/** What one model makes of each sentence. */
export interface Model {
  readonly name: string;
  /** Share of the in-scope sentences whose best label is right. */
  readonly accuracy: number;
  readonly decisions: readonly Scored[];
}

/** All that the campaign needs of the models. */
export interface Models {
  readonly sentences: readonly Said[];
  /** Named like the labels; out of scope among them. */
  readonly intents: readonly string[];
  readonly old: Model;
  readonly bigger: Model;
  readonly candidates: readonly Model[];
}

/** Sentences for training a head anew, per label. */
const TRAINED_PER_LABEL = 20;
/** How near a degraded bundle comes to the loss that is asked for. */
const NEAR = 0.0012;

/** Trainings of a head at most. */
const TRIES_MAX = 12;

/** What candidates are made and judged with. */
interface Material {
  /** For their calibration. */
  readonly examples: readonly Said[];
  readonly old: Model;
  readonly sentences: readonly Said[];
}

const outOfScope = (said: readonly Said[]): Said[] => said.map(({ text }) => ({ text, intent: 'oos' }));

const decidedBy = async (name: string, bundle: CheckedBundle, sentences: readonly Said[]): Promise<Model> => {
  const runner = await loadTextRunner(bundle);
  const decisions: Scored[] = [];
  for (const { text } of sentences) decisions.push(await runner.decide(text));
  await runner.release();
  const known = sentences
    .map(({ intent }, at) => ({ intent, label: decisions[at]?.label }))
    .filter(({ intent }) => intent !== 'oos');
  return {
    name,
    decisions,
    accuracy: known.filter(({ intent, label }) => intent === label).length / known.length,
  };
};

const withHead = async (base: Base, head: Head, examples: readonly Said[]): Promise<CheckedBundle> => {
  const { digest, files, manifest } = await makeCandidate({
    parent: base.bundle,
    head,
    labels: { version: textManifestOf(base.bundle).labels.version, added: [] },
    examples,
    release: { version: 'gate', counter: textManifestOf(base.bundle).releaseCounter + 1 },
    breathe: () => Promise.resolve(),
  });
  return { ...base.bundle, digest, files, manifest };
};

const noisy = (head: Head, { scale, seed }: { scale: number; seed: number }): Head => {
  const random = new SeededRandom(seed);
  const deviation = Math.sqrt(
    head.weight.reduce((sum, weight) => sum + weight * weight, 0) / head.weight.length,
  );
  return { ...head, weight: head.weight.map((weight) => weight + scale * deviation * random.normal()) };
};

const drawnFrom = (train: readonly Said[], labels: readonly string[], seed: number): Said[] => {
  const random = new SeededRandom(seed);
  return labels.flatMap((label) =>
    train
      .filter(({ intent }) => intent === label)
      .map((said) => ({ said, draw: random.uniform() }))
      .sort((left, right) => left.draw - right.draw)
      .slice(0, TRAINED_PER_LABEL)
      .map(({ said }) => said),
  );
};

/** The head trained further, on other sentences and more gently with each try, until it is as accurate as before. */
const trainedAnew = async (
  base: Base,
  { examples, old, sentences, train }: Material & { train: readonly Said[] },
): Promise<Model> => {
  const { batch, learningRate, pull, rehearsal, steps } = roundSettingsSchema.parse({});
  const { rehearsalNoise } = HEAD_TRAINING_DEFAULTS;
  for (let tries = 1; ; tries += 1) {
    const settings = { steps, batch, pull, rehearsal, rehearsalNoise, clipNorm: 1, seed: tries };
    const said = await examplesOf(base, drawnFrom(train, base.labels, tries));
    const head = await trained(base, {
      start: base.head,
      examples: said,
      settings: { ...settings, learningRate: learningRate * 0.7 ** (tries - 1) },
    });
    const model = await decidedBy('trained anew', await withHead(base, head, examples), sentences);
    console.log(`trained anew, try ${tries}: ${model.accuracy.toFixed(4)}`);
    if (Math.abs(model.accuracy - old.accuracy) < NEAR || tries === TRIES_MAX) return model;
  }
};

/** Noise on the head until the bundle loses what is asked for, by halving. */
const degraded = async (
  base: Base,
  {
    examples,
    old,
    points,
    sentences,
  }: { examples: readonly Said[]; old: Model; points: number; sentences: readonly Said[] },
): Promise<Model> => {
  let [low, high] = [0, 4];
  for (;;) {
    const scale = (low + high) / 2;
    const bundle = await withHead(base, noisy(base.head, { scale, seed: 7 }), examples);
    const model = await decidedBy(`-${points} points`, bundle, sentences);
    const loss = old.accuracy - model.accuracy;
    if (Math.abs(loss - points / 100) < NEAR || high - low < 1e-3) return model;
    if (loss < points / 100) low = scale;
    else high = scale;
  }
};

/** Makes the models. `data` holds the folder clinc150. */
export async function gateModels(data: string, losses: readonly number[]): Promise<Models> {
  const read = (name: string) => readSaid(join(data, 'clinc150', `${name}.jsonl`));
  const inScope = await read('val');
  const sentences = [...inScope, ...outOfScope(await read('oos_val'))];
  const train = await read('train');
  // As the shipped bundle was: thresholds come from the sentences that judge, weights never do.
  const examples = sentences;
  const bundle = await inspectBundle(join(ROOT, 'bundles/nano'));
  const base = baseOf(bundle, []);
  const old = await decidedBy('as it runs', bundle, sentences);
  const bigger = await decidedBy(
    'bigger',
    await inspectBundle(join(ROOT, 'bundles/mini-clinc150')),
    sentences,
  );
  const material = { examples, old, sentences };
  const candidates = [await trainedAnew(base, { ...material, train })];
  for (const points of losses) candidates.push(await degraded(base, { ...material, points }));
  return { sentences, intents: [...new Set(sentences.map(({ intent }) => intent))], old, bigger, candidates };
}
