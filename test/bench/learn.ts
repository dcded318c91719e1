// How well a fleet learns intents that it does not know, beside training on the same examples pooled in one place, and
// what that costs the intents that it knows. Everything runs in this process, out of the pieces of the product.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { roundSettingsSchema } from '@nanofleet/protocol';
import { HEAD_TRAINING_DEFAULTS, type HeadExamples } from '@nanofleet/runtime';
import { inspectBundle } from '@nanofleet/runtime/node';
import { printTable } from './parts/figures.ts';
import {
  type Base,
  baseOf,
  examplesOf,
  LearningFleet,
  type LearningSettings,
  trained,
} from './parts/learning.ts';
import { candidateOf, type Judgement, judge, type Runnable, runnableOf } from './parts/learning-judge.ts';
import { normalised, readSaid, type Said, sentencesBelow } from './parts/learning-sentences.ts';
import { ROOT } from './parts/lone-agent.ts';
import { type PairedDifference, pairedDifference } from './parts/paired.ts';

/** What a round is planned with when an operator says nothing: the figures are about these. */
function settingsOf(seed: number): LearningSettings {
  const { steps, learningRate, batch, rehearsal, pull, clipNorm } = roundSettingsSchema.parse({});
  const { rehearsalNoise } = HEAD_TRAINING_DEFAULTS;
  return { steps, learningRate, batch, rehearsal, rehearsalNoise, pull, clipNorm, seed };
}
/** Bars of the product: share of the pooled recall, points of old intents, bytes. */
const BARS = { ratio: 0.85, corpusPoints: -1.5, clincLow: -0.5, bytesPerParameter: 1.2 };
/** Devices of the skewed fleet; each of its intents is on two of them, so each has two. */
const SKEWED_DEVICES = 10;
const INTENTS_PER_SKEWED = 2;

interface Data {
  readonly devices: readonly Said[];
  readonly heldOut: readonly Said[];
  readonly test: readonly Said[];
  readonly clinc: readonly Said[];
  /** Sentences of the corpus that the data folder holds; null without a folder. */
  readonly foreign: number | null;
}

interface Figures {
  readonly test: Judgement;
  readonly corpus: PairedDifference;
  readonly clinc: PairedDifference | null;
}

async function readData(folder: string | undefined): Promise<Data> {
  const part = (name: string) => readSaid(join(ROOT, 'corpus', `${name}.jsonl`));
  const data = {
    devices: await part('devices'),
    heldOut: await part('controller'),
    test: await part('test'),
  };
  if (folder === undefined) return { ...data, clinc: [], foreign: null };
  const known = await sentencesBelow(folder);
  const all = [...data.devices, ...data.heldOut, ...data.test];
  return {
    ...data,
    clinc: await readSaid(join(folder, 'clinc150', 'val.jsonl')),
    foreign: all.filter(({ text }) => known.has(normalised(text))).length,
  };
}

/** Judges heads beside the base. */
class Court {
  readonly #base: Base;
  readonly #data: Data;
  readonly #before: { readonly test: Judgement; readonly clinc: Judgement };

  private constructor(base: Base, data: Data, before: { test: Judgement; clinc: Judgement }) {
    this.#base = base;
    this.#data = data;
    this.#before = before;
  }

  static async open(base: Base, data: Data): Promise<Court> {
    const heard = (said: readonly Said[]) => judge(runnableOf(base.bundle), { said, added: base.added });
    return new Court(base, data, { test: await heard(data.test), clinc: await heard(data.clinc) });
  }

  get before(): Judgement {
    return this.#before.test;
  }

  /** The base beside itself. */
  get standing(): Figures {
    const { test, clinc } = this.#before;
    const same = ({ old }: Judgement): PairedDifference => pairedDifference(old, old);
    return { test, corpus: same(test), clinc: clinc.old.length === 0 ? null : same(clinc) };
  }

  async figuresOf(head: Base['head']): Promise<Figures> {
    const candidate = await candidateOf(this.#base, head, this.#data.heldOut);
    const test = await this.#judge(candidate, this.#data.test);
    const corpus = pairedDifference(this.#before.test.old, test.old);
    if (this.#data.clinc.length === 0) return { test, corpus, clinc: null };
    const clinc = await this.#judge(candidate, this.#data.clinc);
    return { test, corpus, clinc: pairedDifference(this.#before.clinc.old, clinc.old) };
  }

  #judge(candidate: Runnable, said: readonly Said[]): Promise<Judgement> {
    return judge(candidate, { said, added: this.#base.added });
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const points = ({ points: change, low, high }: PairedDifference): string =>
  `${change.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;

function row(name: string, { test, corpus, clinc }: Figures): string[] {
  return [
    name,
    percent(test.newRecall),
    percent(test.newOwn),
    percent(test.outOfScopeAsked),
    points(corpus),
    clinc === null ? '-' : points(clinc),
  ];
}

const subset = ({ features, labels }: HeadExamples, chosen: readonly number[]): HeadExamples => {
  const width = features.length / labels.length;
  return {
    labels: Int32Array.from(chosen, (at) => labels[at] ?? 0),
    features: Float32Array.from(chosen.flatMap((at) => [...features.subarray(at * width, (at + 1) * width)])),
  };
};

/** Where each example is: with the home that says it, or only where its intent is known. */
function fleetsOf(data: Data, base: Base, pooled: HeadExamples): Record<'homes' | 'skewed', HeadExamples[]> {
  const group = (count: number, deviceOf: (said: Said, turn: number) => number): HeadExamples[] => {
    const turns = new Map<string, number>();
    const owners = data.devices.map((said) => {
      const turn = turns.get(said.intent) ?? 0;
      turns.set(said.intent, turn + 1);
      return deviceOf(said, turn);
    });
    return Array.from({ length: count }, (_, device) =>
      subset(
        pooled,
        owners.flatMap((owner, at) => (owner === device ? [at] : [])),
      ),
    );
  };
  const skewed = (said: Said, turn: number): number =>
    (base.added.indexOf(said.intent) + (turn % INTENTS_PER_SKEWED)) % SKEWED_DEVICES;
  return { homes: group(4, ({ home = 1 }) => home - 1), skewed: group(SKEWED_DEVICES, skewed) };
}

interface Learned {
  readonly rounds: Figures[];
  readonly updateBytes: number;
  readonly norms: readonly number[];
}

async function learn(fleet: LearningFleet, court: Court, rounds: number): Promise<Learned> {
  const figures: Figures[] = [];
  let updateBytes = 0;
  let norms: readonly number[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    const played = await fleet.round();
    figures.push(await court.figuresOf(played.head));
    updateBytes = Math.max(updateBytes, played.updateBytes);
    if (turn === 0) norms = played.norms;
  }
  return { rounds: figures, updateBytes, norms };
}

/** What one seed gave. */
interface SeedResult {
  readonly pooled: Figures;
  readonly unprotected: Figures;
  readonly homes: Learned;
  readonly skewed: Learned;
}

async function play(
  world: { base: Base; court: Court; data: Data },
  settings: LearningSettings,
  rounds: number,
) {
  const { base, court, data } = world;
  const pooled = await examplesOf(base, data.devices);
  const fleets = fleetsOf(data, base, pooled);
  const long = { ...settings, steps: settings.steps * rounds };
  const inOnePlace = async (changed: Partial<LearningSettings>): Promise<Figures> =>
    await court.figuresOf(
      await trained(base, { start: base.head, examples: pooled, settings: { ...long, ...changed } }),
    );
  const together = async (examples: readonly HeadExamples[]): Promise<Learned> =>
    await learn(new LearningFleet(base, { examples, settings }), court, rounds);
  return {
    pooled: await inOnePlace({}),
    unprotected: await inOnePlace({ rehearsal: 1, rehearsalNoise: 0 }),
    homes: await together(fleets.homes),
    skewed: await together(fleets.skewed),
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const lastOf = ({ rounds }: Learned): Figures => rounds[rounds.length - 1] ?? neverPlayed();
function neverPlayed(): never {
  throw new RangeError('a fleet has played a round');
}
const digits = (value: number): number => Number(value.toFixed(4));

/** The worst seed's loss: the figure that a bar is held to. */
const worstOf = (differences: readonly PairedDifference[]): PairedDifference =>
  differences.reduce((worst, one) => (one.low < worst.low ? one : worst));

function figuresOfFleet(results: readonly SeedResult[], pick: (result: SeedResult) => Learned) {
  const pooledRecall = mean(results.map(({ pooled }) => pooled.test.newRecall));
  const turns = pick(results[0] ?? neverPlayed()).rounds.length;
  const recall = Array.from({ length: turns }, (_, turn) =>
    mean(results.map((result) => pick(result).rounds[turn]?.test.newRecall ?? Number.NaN)),
  );
  const last = results.map((result) => lastOf(pick(result)));
  const clinc = last.flatMap((figures) => (figures.clinc === null ? [] : [figures.clinc]));
  return {
    recall: recall.map(digits),
    ratio: digits((recall[turns - 1] ?? Number.NaN) / pooledRecall),
    roundsToBar: recall.findIndex((value) => value >= BARS.ratio * pooledRecall) + 1 || null,
    corpusWorst: worstOf(last.map(({ corpus }) => corpus)),
    clincWorst: clinc.length === 0 ? null : worstOf(clinc),
    updateBytes: Math.max(...results.map((result) => pick(result).updateBytes)),
  };
}

function summary(results: readonly SeedResult[], world: { base: Base; court: Court; data: Data }) {
  const { base, court, data } = world;
  const parameters = base.head.weight.length + base.head.bias.length;
  const trainedParameters = base.added.length * (base.head.width + 1);
  const homes = figuresOfFleet(results, ({ homes: fleet }) => fleet);
  return {
    bench: 'learn',
    examples: data.devices.length,
    pooledRecall: digits(mean(results.map(({ pooled }) => pooled.test.newRecall))),
    unprotectedRecall: digits(mean(results.map(({ unprotected }) => unprotected.test.newRecall))),
    unprotectedCorpusPoints: digits(mean(results.map(({ unprotected }) => unprotected.corpus.points))),
    oldBefore: digits(mean(court.before.old.map(Number))),
    homes,
    skewed: figuresOfFleet(results, ({ skewed }) => skewed),
    parameters,
    trainedParameters,
    bytesPerParameter: digits(homes.updateBytes / trainedParameters),
    foreignSentences: data.foreign,
    ok:
      homes.ratio >= BARS.ratio &&
      homes.corpusWorst.points >= BARS.corpusPoints &&
      (homes.clincWorst === null || homes.clincWorst.low >= BARS.clincLow) &&
      homes.updateBytes / trainedParameters <= BARS.bytesPerParameter &&
      (data.foreign ?? 0) === 0,
  };
}

function print(results: readonly SeedResult[], court: Court): void {
  const [first] = results;
  if (first === undefined) return;
  const rounds = (name: string, { rounds: played }: Learned) =>
    played.map((figures, turn) => row(`${name}, round ${turn + 1}`, figures));
  printTable([
    [
      'seed 1',
      'new right',
      'of those sure',
      'oos asked on',
      'old on corpus, points [95 %]',
      'old on clinc150',
    ],
    row('the base itself', court.standing),
    row('pooled, same training', first.pooled),
    row('pooled, old intents unprotected', first.unprotected),
    ...rounds('4 homes', first.homes),
    ...rounds(`${SKEWED_DEVICES} devices of 2 intents`, first.skewed),
  ]);
  console.log(`norms of the first updates: ${first.homes.norms.map((norm) => norm.toFixed(1)).join(', ')}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      bundle: { type: 'string', default: 'household-2' },
      rounds: { type: 'string', default: '5' },
      seeds: { type: 'string', default: '3' },
    },
  });
  const data = await readData(values.data);
  const bundle = await inspectBundle(join(ROOT, 'bundles', values.bundle));
  const known = new Set(baseOf(bundle, []).labels);
  const added = [...new Set(data.devices.map(({ intent }) => intent))]
    .filter((intent) => !known.has(intent))
    .sort();
  const base = baseOf(bundle, added);
  const world = { base, data, court: await Court.open(base, data) };
  const results: SeedResult[] = [];
  for (let seed = 1; seed <= Number(values.seeds); seed += 1)
    results.push(await play(world, settingsOf(seed * SEED_STEP), Number(values.rounds)));
  print(results, world.court);
  console.log(JSON.stringify(summary(results, world)));
}

/** Between seeds, so that no two draw the same numbers. */
const SEED_STEP = 100_000;

await main();
