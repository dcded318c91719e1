// Owns what a training step of a tower is fed with: which texts, with which words and features left out, their targets
// and dropout masks. Every draw follows from seed and epoch. It never runs a step.

import { TextFeatures } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import { SeededRandom } from '../seeded-random.ts';
import { BagMaker } from './bag.ts';
import { noisyText } from './misspelling.ts';
import { type Drawn, fillTargets, SourceDraw, type TextSource } from './text-sources.ts';
import type { TowerShape } from './tower.ts';
import { BAG_INPUT, MASK_INPUTS, maskWidths, TARGETS_INPUT } from './tower-graphs.ts';
import type { TrainingSettings } from './training-settings.ts';

/** What a step over rows needs besides parameters and rate. */
export interface TowerBatch {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly used: Int32Array;
}

/** What a step over sums needs besides parameters and rate: the feeds but the sums, and the rows of each text. */
export interface TowerTexts {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly rows: readonly Int32Array[];
}

/** Settings that shape batches. */
export interface BatchSettings {
  readonly shape: TowerShape;
  readonly seed: number;
  readonly training: TrainingSettings;
}

/** Makes the batches of an epoch. */
export class TowerBatches {
  readonly #settings: BatchSettings;
  readonly #sources: readonly TextSource[];
  readonly #features: TextFeatures;
  readonly #bags: BagMaker;

  constructor(settings: BatchSettings, sources: readonly TextSource[]) {
    this.#settings = settings;
    this.#sources = sources;
    this.#features = new TextFeatures(settings.shape.features);
    this.#bags = new BagMaker(settings.shape.features.buckets);
  }

  /** The batches of epoch `epoch` for steps over rows, one at a time: tensors of one are overwritten by the next. */
  *ofEpoch(epoch: number, steps: number): Generator<TowerBatch> {
    for (const { feeds, rows } of this.textsOfEpoch(epoch, steps)) {
      const { used, bag } = this.#bags.of(rows);
      yield { feeds: { ...feeds, [BAG_INPUT]: bag }, used };
    }
  }

  /** The same batches for steps over sums. */
  *textsOfEpoch(epoch: number, steps: number): Generator<TowerTexts> {
    const { seed, training } = this.#settings;
    const random = new SeededRandom(seed, 'epoch', epoch);
    const draw = new SourceDraw(this.#sources, random);
    for (let step = 0; step < steps; step += 1) yield this.#texts(draw.take(training.batchSize), random);
  }

  #texts(texts: readonly Drawn[], random: SeededRandom): TowerTexts {
    const { shape, training } = this.#settings;
    const rows = texts.map(({ source, index }) => this.#rows(source.texts[index] ?? '', random));
    const masks = maskWidths(shape).map((size) => dropoutMask(texts.length, size, training.dropout, random));
    const feeds: Record<string, Tensor> = { [TARGETS_INPUT]: this.#targets(texts) };
    MASK_INPUTS.forEach((name, at) => {
      const mask = masks[at];
      if (mask) feeds[name] = mask;
    });
    return { feeds, rows };
  }

  #rows(text: string, random: SeededRandom): Int32Array {
    const { training } = this.#settings;
    const { rows } = this.#features.of(noisyText(text, training, random));
    const kept = rows.filter(() => random.uniform() >= training.featureDropout);
    return kept.length === 0 ? rows : kept;
  }

  #targets(texts: readonly Drawn[]): Tensor {
    const { classes } = this.#settings.shape;
    const targets = new Float32Array(texts.length * classes);
    texts.forEach((drawn, at) =>
      fillTargets(targets.subarray(at * classes, (at + 1) * classes), drawn, {
        classes,
        ...this.#settings.training,
      }),
    );
    return new Tensor('float32', targets, [texts.length, classes]);
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
