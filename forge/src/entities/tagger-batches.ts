// Owns what a training step of a tagger is fed with: which texts, with which entities swapped, words and features left out,
// their targets and dropout masks. Every draw follows from seed and epoch. It never runs a step.
import { TextFeatures, tagCount } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import type { WordTable } from '../encoder/word-table.ts';
import { SeededRandom } from '../seeded-random.ts';
import { SourceDraw } from '../text/text-sources.ts';
import { type AnnotatedText, type LearnedText, tagsOfEntities } from './annotated-texts.ts';
import { EntitySwapper } from './swapped-entities.ts';
import { tagOrderFeeds } from './tag-order.ts';
import type { TaggerShape } from './tagger.ts';
import { maskInputs, TRAINING_INPUTS } from './tagger-graphs.ts';
import type { TaggerTrainingSettings } from './tagger-settings.ts';
import { rowsByToken, tokenSequence } from './token-sequence.ts';

/** Texts to learn from, with the names that their numbers stand for. */
export interface TaggerTexts {
  readonly texts: readonly AnnotatedText[];
  /** Texts whose entities are not all marked, with their part of each batch where the marked texts have 1. */
  readonly further?: readonly { readonly texts: readonly LearnedText[]; readonly share: number }[];
  readonly intents: readonly string[];
  readonly types: readonly string[];
}

/** What a step needs besides parameters and rate. `rows` are those of each token, whose gradient comes back. */
export interface TaggerBatch {
  readonly feeds: Record<string, Tensor>;
  readonly rows: readonly Int32Array[];
}

/** Settings that shape batches. */
export interface TaggerBatchSettings {
  readonly shape: TaggerShape;
  readonly seed: number;
  readonly training: TaggerTrainingSettings;
}

interface Example {
  readonly tokens: readonly Int32Array[];
  readonly tags: Int32Array;
  readonly intent: number;
}

/** Makes the batches of an epoch. */
export class TaggerBatches {
  readonly #settings: TaggerBatchSettings;
  readonly #source: TaggerTexts;
  readonly #features: TextFeatures;
  readonly #swapper: EntitySwapper;
  readonly #intents: ReadonlyMap<string, number>;
  readonly #all: readonly LearnedText[];

  constructor(settings: TaggerBatchSettings, source: TaggerTexts) {
    this.#settings = settings;
    this.#source = source;
    this.#features = new TextFeatures(settings.shape.features);
    this.#swapper = new EntitySwapper(source.texts, settings.training.swap);
    this.#all = [...source.texts, ...(source.further ?? []).flatMap(({ texts }) => texts)];
    this.#intents = new Map(source.intents.map((intent, index) => [intent, index]));
  }

  /** Steps of one epoch. */
  get stepsPerEpoch(): number {
    const { stepsPerEpoch, batchSize } = this.#settings.training;
    return stepsPerEpoch ?? Math.ceil(this.#all.length / batchSize);
  }

  /** The batches of epoch `epoch`, one at a time. */
  *ofEpoch(epoch: number, table: WordTable): Generator<TaggerBatch> {
    const random = new SeededRandom(this.#settings.seed, 'epoch', epoch);
    for (const texts of this.#textsOf(random))
      yield this.#batch(
        texts.map((text) => this.#example(text, random)),
        random,
        table,
      );
  }

  /** The texts of each batch: drawn by their shares if the length of an epoch is set, else each once. */
  *#textsOf(random: SeededRandom): Generator<LearnedText[]> {
    const { batchSize, stepsPerEpoch } = this.#settings.training;
    if (stepsPerEpoch === undefined) {
      const order = random.order(this.#all.length);
      for (let start = 0; start < order.length; start += batchSize)
        yield Array.from(
          order.subarray(start, start + batchSize),
          (index) => this.#all[index] as LearnedText,
        );
      return;
    }
    const sources = [{ texts: this.#source.texts, share: 1 }, ...(this.#source.further ?? [])].map(
      ({ texts, share }) => ({ texts: texts.map(({ text }) => text), share, examples: texts }),
    );
    const draw = new SourceDraw(sources, random);
    for (let step = 0; step < stepsPerEpoch; step += 1)
      yield draw
        .take(batchSize)
        .map(({ source, index }) => (source as (typeof sources)[number]).examples[index] as LearnedText);
  }

  #example(source: LearnedText, random: SeededRandom): Example {
    const { wordDropout, featureDropout } = this.#settings.training;
    const example = this.#swapper.of(source, random);
    const { rows, tokenOfRow, bounds } = this.#features.withTokens(example.text);
    const tokens = rowsByToken(rows, tokenOfRow, bounds.length / 2).map((own) => {
      if (random.uniform() < wordDropout) return NO_ROWS;
      return own.filter(() => random.uniform() >= featureDropout);
    });
    return {
      tokens,
      tags:
        example.entities === null
          ? new Int32Array(bounds.length / 2).fill(UNMARKED)
          : tagsOfEntities(example.entities, { bounds, types: this.#source.types }),
      intent: example.intent === null ? UNMARKED : (this.#intents.get(example.intent) ?? 0),
    };
  }

  #batch(examples: readonly Example[], random: SeededRandom, table: WordTable): TaggerBatch {
    const { shape, training } = this.#settings;
    const { feeds, rows } = tokenSequence(
      examples.map(({ tokens }) => tokens),
      { shape, table },
    );
    const counts = { texts: examples.length, tokens: rows.length };
    for (const { name, of, width } of maskInputs(shape))
      feeds[name] = dropoutMask([counts[of], width], training.dropout, random);
    feeds[TRAINING_INPUTS.intents] = oneHot(
      Int32Array.from(examples, ({ intent }) => intent),
      { classes: shape.classes, smoothing: training.labelSmoothing, unmarked: 1 },
    );
    const tags = Int32Array.from(examples.flatMap((example) => Array.from(example.tags)));
    feeds[TRAINING_INPUTS.tags] = oneHot(tags, {
      classes: tagCount(shape.types),
      smoothing: training.tagSmoothing,
      unmarked: 0,
    });
    if (shape.learnsOrder) Object.assign(feeds, tagOrderFeeds(examples.map(sequenceOf), shape.types));
    return { feeds, rows };
  }
}

const sequenceOf = ({ tokens, tags }: Example): Parameters<typeof tagOrderFeeds>[0][number] => ({
  tokens: tokens.length,
  tags: tags.includes(UNMARKED) ? undefined : tags,
});

const NO_ROWS = new Int32Array();
/** The tag of a token of which nothing is known, and the intent of a text that has none. */
const UNMARKED = -1;

/** Rows of probabilities; `unmarked` is the weight, spread over all classes, of what has no number. */
function oneHot(
  numbers: Int32Array,
  {
    classes,
    smoothing,
    unmarked,
  }: { readonly classes: number; readonly smoothing: number; readonly unmarked: number },
): Tensor {
  const targets = new Float32Array(numbers.length * classes).fill(smoothing / classes);
  numbers.forEach((number, at) => {
    if (number === UNMARKED) targets.fill(unmarked / classes, at * classes, (at + 1) * classes);
    else targets[at * classes + number] = 1 - smoothing + smoothing / classes;
  });
  return new Tensor('float32', targets, [numbers.length, classes]);
}

function dropoutMask(
  [count, width]: readonly [number, number],
  dropped: number,
  random: SeededRandom,
): Tensor {
  const kept = 1 / (1 - dropped);
  const mask = Float32Array.from({ length: count * width }, () => (random.uniform() < dropped ? 0 : kept));
  return new Tensor('float32', mask, [count, width]);
}
