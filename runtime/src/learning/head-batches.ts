/**
 * Owns what one step of head training is fed: some of the device's own examples, and prototypes of all labels that are rehearsed so that
 * old labels are not forgotten. Pure but for its seed; never runs a graph.
 */
import { assert } from '@nanofleet/protocol';
import type { Prototypes } from '../prototypes.ts';
import type { Head } from './head.ts';
import { seededShares, shuffled } from './seeded-shares.ts';

/** The label of an example that belongs to none: its target is the same share for every label (Hendrycks et al. 2019, 1812.04606). */
export const NO_LABEL = -1;

/** Examples as features: what the layer before the head made of each. */
export interface HeadExamples {
  /** Row-major [examples, width]. */
  readonly features: Float32Array;
  /** Index of each one's label, or `NO_LABEL`. */
  readonly labels: Int32Array;
  /** How much each counts, 1 when left out. */
  readonly weights?: Float32Array;
}

/** How a head is trained. */
export interface HeadTrainingSettings {
  readonly steps: number;
  readonly learningRate: number;
  /** Own examples of one step. */
  readonly batch: number;
  /** Weight of all that is rehearsed against all own examples of a step; 0 rehearses nothing. */
  readonly rehearsal: number;
  /** Deviation of the even noise on a rehearsed prototype, in units of the spread of the prototypes. */
  readonly rehearsalNoise: number;
  /** Pull towards the start, the mu of FedProx (Li et al. 2020, 1812.06127). */
  readonly pull: number;
  readonly seed: number;
}

/**
 * Defaults where a plan is silent: of the household model, old intents of this project's corpus lose 1.1 points over five rounds, new
 * ones reach nine tenths of what pooled examples reach (`pnpm bench learn`). Without the noise the old ones lose 10 points.
 */
export const HEAD_TRAINING_DEFAULTS = { batch: 32, rehearsal: 18, rehearsalNoise: 1.7, pull: 0 } as const;

/** One step's feed. */
export interface HeadBatch {
  readonly rows: number;
  /** Row-major [rows, width]. */
  readonly features: Float32Array;
  /** Row-major [rows, classes]; a row's sum is its weight. All weights together are the count of rows where every example is trained on. */
  readonly targets: Float32Array;
}

/** Prototypes that a step rehearses. */
const REHEARSED_ROWS = 64;

/** What batches are made from. */
export interface HeadBatchSource {
  readonly start: Head;
  readonly examples: HeadExamples;
  readonly prototypes: Prototypes;
  readonly settings: HeadTrainingSettings;
  /** First column that may be trained (head-columns.ts); all when left out. */
  readonly trainedFrom?: number;
}

/** Makes batch after batch, for ever; the same ones for the same seed. */
export class HeadBatches {
  readonly #source: HeadBatchSource;
  readonly #share: () => number;
  readonly #own: Turns;
  readonly #rehearsed: Turns;
  readonly #noise: number;
  readonly #isTrained: ReadonlySet<number>;
  /** Weight of an example whose column is trained: with others beside it, it comes less often and counts as much more. */
  readonly #boost: number;

  constructor(source: HeadBatchSource) {
    const { start, examples, prototypes, settings } = source;
    const count = examples.labels.length;
    assert(count > 0 && examples.features.length === count * start.width, 'a row of features per example');
    assert(
      examples.labels.every((label) => label >= NO_LABEL && label < start.classes),
      'labels of the head',
    );
    assert(prototypes.width === start.width, 'prototypes of the same features');
    this.#source = source;
    this.#isTrained = new Set(trainedLabels(source));
    const trained = examples.labels.filter((label) => this.#isTrained.has(label)).length;
    this.#boost = trained === 0 ? 1 : count / trained;
    this.#share = seededShares(settings.seed);
    const known = Array.from(prototypes.counts.keys()).filter((at) => (prototypes.counts[at] ?? 0) > 0);
    this.#own = new Turns(
      Array.from({ length: count }, (_, at) => at),
      this.#share,
    );
    this.#rehearsed = new Turns(settings.rehearsal > 0 ? known : [], this.#share);
    // Even noise of deviation s lies within ±√3·s.
    this.#noise = 2 * Math.sqrt(3) * settings.rehearsalNoise * spreadOf(prototypes, known);
  }

  next(): HeadBatch {
    const { start, examples, settings } = this.#source;
    const own = this.#own.take(Math.min(settings.batch, examples.labels.length));
    const rehearsed = this.#rehearsed.take(REHEARSED_ROWS);
    const rows = own.length + rehearsed.length;
    const batch = {
      rows,
      features: new Float32Array(rows * start.width),
      targets: new Float32Array(rows * start.classes),
    };
    const share = rehearsed.length === 0 ? 0 : settings.rehearsal / (1 + settings.rehearsal);
    own.forEach((example, at) =>
      this.#writeOwn(batch, { example, at, weight: ((1 - share) * rows) / own.length }),
    );
    rehearsed.forEach((label, at) =>
      this.#writeRehearsed(batch, { label, at: own.length + at, weight: (share * rows) / rehearsed.length }),
    );
    return batch;
  }

  #writeOwn(
    batch: HeadBatch,
    { example, at, weight }: { example: number; at: number; weight: number },
  ): void {
    const { start, examples } = this.#source;
    const { width, classes } = start;
    batch.features.set(examples.features.subarray(example * width, (example + 1) * width), at * width);
    const label = examples.labels[example] ?? NO_LABEL;
    const boost = this.#isTrained.has(label) ? this.#boost : 1;
    const whole = weight * boost * (examples.weights?.[example] ?? 1);
    if (label === NO_LABEL) batch.targets.fill(whole / classes, at * classes, (at + 1) * classes);
    else batch.targets[at * classes + label] = whole;
  }

  #writeRehearsed(
    batch: HeadBatch,
    { label, at, weight }: { label: number; at: number; weight: number },
  ): void {
    const { start, prototypes } = this.#source;
    const { width, classes } = start;
    for (let feature = 0; feature < width; feature += 1) {
      const noise = this.#noise === 0 ? 0 : this.#noise * (this.#share() - 0.5);
      batch.features[at * width + feature] = (prototypes.means[label * width + feature] ?? 0) + noise;
    }
    batch.targets[at * classes + label] = weight;
  }
}

/** Deals out the same things again and again, each once before any comes twice. */
class Turns {
  readonly #things: readonly number[];
  readonly #share: () => number;
  #order: Int32Array = new Int32Array();
  #at = 0;

  constructor(things: readonly number[], share: () => number) {
    this.#things = things;
    this.#share = share;
  }

  take(count: number): number[] {
    if (this.#things.length === 0) return [];
    return Array.from({ length: count }, () => this.#one());
  }

  #one(): number {
    if (this.#at === this.#order.length) {
      this.#order = shuffled(this.#things.length, this.#share);
      this.#at = 0;
    }
    const chosen = this.#things[this.#order[this.#at] ?? 0] ?? 0;
    this.#at += 1;
    return chosen;
  }
}

/** Spread of the prototypes: the root of the mean over features of their variance over the labels that have one. */
function spreadOf({ means, width }: Prototypes, known: readonly number[]): number {
  const count = Math.max(1, known.length);
  let sum = 0;
  for (let feature = 0; feature < width; feature += 1) {
    const values = known.map((label) => means[label * width + feature] ?? 0);
    const mean = values.reduce((total, value) => total + value, 0) / count;
    sum += values.reduce((total, value) => total + (value - mean) ** 2, 0) / count;
  }
  return Math.sqrt(sum / Math.max(1, width));
}

/**
 * The labels whose columns are trained: those that there are examples of, from `trainedFrom` on. The others are held where they began, for
 * they would be pushed down only because this device never meets them: under skew new labels came to 1 % instead of 56 %, and old ones
 * lost 8 to 20 points. Examples of labels that are held still count, on top: they keep the trained columns from answering for them. Were they
 * to share the weight of the others, 552 of them beside 396 would take 10 points of recall.
 */
export const trainedLabels = ({
  examples: { labels },
  trainedFrom = 0,
}: Pick<HeadBatchSource, 'examples' | 'trainedFrom'>): number[] =>
  [...new Set(labels)]
    .filter((label) => label !== NO_LABEL && label >= trainedFrom)
    .toSorted((left, right) => left - right);
