// Owns what a training step of a tower is fed with: which texts, with which words and features left out, their targets
// and dropout masks. Every draw follows from seed and epoch. It never runs a step.

import { TextFeatures } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import { SeededRandom } from '../seeded-random.ts';
import { BagMaker } from './bag.ts';
import type { TowerShape } from './tower.ts';
import { BAG_INPUT, MASK_INPUTS, TARGETS_INPUT, TEACHER_INPUT } from './tower-graphs.ts';
import type { DistillationSettings, TrainingSettings } from './training-settings.ts';

/** Texts to learn from. The first `labels.length` have a class number, the others only the teacher's logits. */
export interface LearningTexts {
  readonly texts: readonly string[];
  readonly labels: Int32Array;
  /** [texts, classes], row major; without a teacher absent. */
  readonly teacherLogits?: Float32Array;
}

/** What a step needs besides parameters and rate. */
export interface TowerBatch {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly used: Int32Array;
}

/** Settings that shape batches; `distillation` goes with `teacherLogits`. */
export interface BatchSettings {
  readonly shape: TowerShape;
  readonly seed: number;
  readonly training: TrainingSettings;
  readonly distillation?: DistillationSettings;
}

/** Makes the batches of an epoch. */
export class TowerBatches {
  readonly #settings: BatchSettings;
  readonly #source: LearningTexts;
  readonly #features: TextFeatures;
  readonly #bags: BagMaker;

  constructor(settings: BatchSettings, source: LearningTexts) {
    this.#settings = settings;
    this.#source = source;
    this.#features = new TextFeatures(settings.shape.features);
    this.#bags = new BagMaker(settings.shape.features.buckets);
  }

  /** Steps of one epoch. */
  get stepsPerEpoch(): number {
    const { training, distillation } = this.#settings;
    return distillation
      ? distillation.stepsPerEpoch
      : Math.ceil(this.#source.labels.length / training.batchSize);
  }

  /** The batches of epoch `epoch`, one at a time: tensors of one are overwritten by the next. */
  *ofEpoch(epoch: number): Generator<TowerBatch> {
    const random = new SeededRandom(this.#settings.seed, 'epoch', epoch);
    for (const members of this.#plan(random)) yield this.#batch(members, random);
  }

  *#plan(random: SeededRandom): Generator<Int32Array> {
    const { training, distillation } = this.#settings;
    const labelled = this.#source.labels.length;
    const unlabelled = this.#source.texts.length - labelled;
    const order = random.order(labelled);
    for (let step = 0; step < this.stepsPerEpoch; step += 1) {
      if (!distillation) yield order.subarray(step * training.batchSize, (step + 1) * training.batchSize);
      else {
        const known =
          unlabelled === 0 ? training.batchSize : Math.round(training.batchSize * distillation.labelledShare);
        yield Int32Array.from({ length: training.batchSize }, (_, at) =>
          at < known ? random.below(labelled) : labelled + random.below(unlabelled),
        );
      }
    }
  }

  #batch(members: Int32Array, random: SeededRandom): TowerBatch {
    const { shape, training } = this.#settings;
    const { used, bag } = this.#bags.of(
      Array.from(members, (member) => this.#rows(this.#source.texts[member] ?? '', random)),
    );
    const masks = [shape.width, shape.hidden].map((size) =>
      dropoutMask(members.length, size, training.dropout, random),
    );
    const feeds: Record<string, Tensor> = { [BAG_INPUT]: bag, [TARGETS_INPUT]: this.#targets(members) };
    MASK_INPUTS.forEach((name, at) => {
      const mask = masks[at];
      if (mask) feeds[name] = mask;
    });
    if (this.#source.teacherLogits) feeds[TEACHER_INPUT] = this.#teacher(members, this.#source.teacherLogits);
    return { feeds, used };
  }

  #rows(text: string, random: SeededRandom): Int32Array {
    const { wordDropout, featureDropout } = this.#settings.training;
    const words = text.split(' ').filter(() => random.uniform() >= wordDropout);
    const { rows } = this.#features.of(words.length === 0 ? text : words.join(' '));
    const kept = rows.filter(() => random.uniform() >= featureDropout);
    return kept.length === 0 ? rows : kept;
  }

  #targets(members: Int32Array): Tensor {
    const { shape, training, distillation } = this.#settings;
    const weight = distillation ? distillation.hardWeight : 1;
    const targets = new Float32Array(members.length * shape.classes);
    members.forEach((member, at) => {
      const label = this.#source.labels[member];
      if (label === undefined) return;
      const row = targets.subarray(at * shape.classes, (at + 1) * shape.classes);
      row.fill((weight * training.labelSmoothing) / shape.classes);
      row[label] = (row[label] ?? 0) + weight * (1 - training.labelSmoothing);
    });
    return new Tensor('float32', targets, [members.length, shape.classes]);
  }

  #teacher(members: Int32Array, logits: Float32Array): Tensor {
    const { classes } = this.#settings.shape;
    const chosen = new Float32Array(members.length * classes);
    members.forEach((member, at) =>
      chosen.set(logits.subarray(member * classes, (member + 1) * classes), at * classes),
    );
    return new Tensor('float32', chosen, [members.length, classes]);
  }
}

function dropoutMask(count: number, size: number, dropped: number, random: SeededRandom): Tensor {
  const kept = 1 / (1 - dropped);
  return new Tensor(
    'float32',
    Float32Array.from({ length: count * size }, () => (random.uniform() < dropped ? 0 : kept)),
    [count, size],
  );
}
