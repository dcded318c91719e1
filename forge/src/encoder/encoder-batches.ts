// Owns what a training step of an encoder is fed with: which texts, which of their words are dropped, misspelt or hidden to
// be guessed, targets and dropout masks. Texts of like length share a batch. Every draw follows from seed and epoch.
import { Tensor } from 'onnxruntime-node';
import { SeededRandom } from '../seeded-random.ts';
import { misspelt } from '../text/misspelling.ts';
import { type Drawn, fillTargets, SourceDraw, type TextSource } from '../text/text-sources.ts';
import type { TrainingSettings } from '../text/training-settings.ts';
import { ENCODER_INPUTS, TRAINING_INPUTS } from './encoder-graphs.ts';
import { type EncoderShape, outputWidth, WORDS_MAX } from './encoder-shape.ts';
import { NO_WORD, Vocabulary, wordsOf } from './vocabulary.ts';

/** Lengths that graphs are made for; a batch runs in the first that its longest text fits. */
export const PLACES = [6, 9, 12, 16, 22, WORDS_MAX] as const;

/** Batches that are drawn and sorted by length together. */
const SORTED_TOGETHER = 8;
/** Logit that rules out the classes of other tasks. */
const ABSENT = -1e4;

/** What a step needs besides parameters and rate. */
export interface EncoderBatch {
  readonly feeds: Record<string, Tensor>;
  /** Rows of the distinct words of the batch, in the order of the input `words`. */
  readonly words: readonly Int32Array[];
  /** Which of `PLACES`. */
  readonly graph: number;
}

/** Settings that shape batches. */
export interface EncoderBatchSettings {
  readonly shape: EncoderShape;
  readonly seed: number;
  readonly training: TrainingSettings;
}

/** Makes batches of sources. */
export class EncoderBatches {
  readonly #settings: EncoderBatchSettings;
  readonly #sources: readonly TextSource[];
  readonly #vocabulary: Vocabulary;
  /** Number of the class of a frequent word for the masked-word head, by its number in the vocabulary. */
  readonly #guessable: ReadonlyMap<number, number>;

  constructor(settings: EncoderBatchSettings, sources: readonly TextSource[]) {
    this.#settings = settings;
    this.#sources = sources;
    this.#vocabulary = new Vocabulary(settings.shape);
    this.#guessable = this.#frequentWords();
  }

  /** `steps` batches, the same for the same epoch. Vectors of the words are the caller's to add. */
  *ofEpoch(epoch: number, steps: number): Generator<EncoderBatch> {
    const { seed, training } = this.#settings;
    const random = new SeededRandom(seed, 'epoch', epoch);
    const draw = new SourceDraw(this.#sources, random);
    for (let made = 0; made < steps; made += SORTED_TOGETHER) {
      const texts = draw
        .take(training.batchSize * Math.min(SORTED_TOGETHER, steps - made))
        .map((drawn) => ({ drawn, words: this.#read(drawn, random) }))
        .toSorted((a, b) => a.words.length - b.words.length);
      for (const part of random.order(texts.length / training.batchSize)) {
        const start = part * training.batchSize;
        yield this.#batch(texts.slice(start, start + training.batchSize), random);
      }
    }
  }

  #frequentWords(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { texts } of this.#sources)
      for (const text of texts)
        for (const word of this.#vocabulary.read(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
    counts.delete(NO_WORD);
    const frequent = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, this.#settings.shape.vocabulary);
    return new Map(frequent.map(([word], at) => [word, at]));
  }

  #read({ source, index }: Drawn, random: SeededRandom): Int32Array {
    const text = source.texts[index] ?? '';
    const { misspellings } = this.#settings.training;
    if (misspellings === 0 || random.uniform() >= misspellings) return this.#vocabulary.read(text);
    return this.#vocabulary.read(misspelt(wordsOf(text), random).join(' '));
  }

  #batch(texts: readonly { drawn: Drawn; words: Int32Array }[], random: SeededRandom): EncoderBatch {
    const longest = texts.reduce((most, { words }) => Math.max(most, words.length), 1);
    const graph = PLACES.findIndex((places) => places >= longest);
    const places = PLACES[graph] ?? WORDS_MAX;
    const spread = new SpreadWords(places, texts.length);
    texts.forEach(({ drawn, words }, text) => this.#spread(words, { text, drawn, spread, random }));
    if (spread.hidden.length === 0) spread.hidden.push({ place: 0, word: 0 });
    return {
      graph,
      words: spread.numbers.map((word) => this.#kept(this.#vocabulary.rows(word), random)),
      feeds: {
        [ENCODER_INPUTS.ids]: new Tensor('int32', spread.ids, [places, texts.length]),
        [ENCODER_INPUTS.mask]: new Tensor('float32', spread.mask, [places, texts.length, 1]),
        ...this.#hiddenFeeds(spread),
        ...this.#targets(texts.map(({ drawn }) => drawn)),
        ...this.#dropout(spread.numbers.length, texts.length, random),
      },
    };
  }

  #spread(
    words: Int32Array,
    {
      text,
      drawn,
      spread,
      random,
    }: { text: number; drawn: Drawn; spread: SpreadWords; random: SeededRandom },
  ): void {
    const { hiddenWords, wordDropout } = this.#settings.training;
    const known = drawn.source.labels !== undefined || drawn.source.outOfScope === true;
    words.forEach((word, at) => {
      const chance = random.uniform();
      const guess = known ? undefined : this.#guessable.get(word);
      if (guess !== undefined && chance < hiddenWords) spread.hide({ at, text, word: guess });
      else spread.put(chance < wordDropout && words.length > 1 ? NO_WORD : word, { at, text });
    });
  }

  #kept(rows: Int32Array, random: SeededRandom): Int32Array {
    const { featureDropout } = this.#settings.training;
    const kept = rows.filter(() => random.uniform() >= featureDropout);
    return kept.length === 0 ? rows : kept;
  }

  #hiddenFeeds({ hidden }: SpreadWords): Record<string, Tensor> {
    if (this.#settings.shape.vocabulary === 0) return {};
    return {
      [TRAINING_INPUTS.hiddenPlaces]: new Tensor(
        'int32',
        Int32Array.from(hidden, ({ place }) => place),
        [hidden.length],
      ),
      [TRAINING_INPUTS.hiddenWords]: new Tensor(
        'int64',
        BigInt64Array.from(hidden, ({ word }) => BigInt(word)),
        [hidden.length],
      ),
      [TRAINING_INPUTS.hiddenWeight]: new Tensor(
        'float32',
        Float32Array.of(this.#settings.training.hiddenWeight),
        [],
      ),
    };
  }

  #targets(texts: readonly Drawn[]): Record<string, Tensor> {
    const { classes } = this.#settings.shape;
    const targets = new Float32Array(texts.length * classes);
    const task = new Float32Array(texts.length * classes);
    texts.forEach((drawn, text) => {
      fillTargets(targets.subarray(text * classes, (text + 1) * classes), drawn, {
        classes,
        ...this.#settings.training,
      });
      const { from, count } = drawn.source.task ?? { from: 0, count: classes };
      task.fill(ABSENT, text * classes, text * classes + from);
      task.fill(ABSENT, text * classes + from + count, (text + 1) * classes);
    });
    const shape = [texts.length, classes];
    return {
      [TRAINING_INPUTS.targets]: new Tensor('float32', targets, shape),
      [TRAINING_INPUTS.task]: new Tensor('float32', task, shape),
    };
  }

  #dropout(words: number, texts: number, random: SeededRandom): Record<string, Tensor> {
    const { shape, training } = this.#settings;
    const mask = (count: number, width: number, dropped: number): Tensor =>
      new Tensor(
        'float32',
        Float32Array.from({ length: count * width }, () =>
          random.uniform() < dropped ? 0 : 1 / (1 - dropped),
        ),
        [count, width],
      );
    return {
      [TRAINING_INPUTS.wordsKept]: mask(words, shape.width, training.dropout / 2),
      [TRAINING_INPUTS.pooledKept]: mask(texts, 3 * outputWidth(shape), training.dropout),
    };
  }
}

/** Texts laid out time first: distinct words numbered in order of first use, 0 being none. */
export class SpreadWords {
  readonly numbers: number[] = [NO_WORD];
  readonly ids: Int32Array;
  readonly mask: Float32Array;
  readonly hidden: { place: number; word: number }[] = [];
  readonly #texts: number;
  readonly #slots = new Map<number, number>([[NO_WORD, 0]]);

  constructor(places: number, texts: number) {
    this.#texts = texts;
    this.ids = new Int32Array(places * texts);
    this.mask = new Float32Array(places * texts);
  }

  put(word: number, { at, text }: { readonly at: number; readonly text: number }): void {
    let slot = this.#slots.get(word);
    if (slot === undefined) {
      slot = this.numbers.length;
      this.#slots.set(word, slot);
      this.numbers.push(word);
    }
    this.ids[at * this.#texts + text] = slot;
    this.mask[at * this.#texts + text] = 1;
  }

  hide({ at, text, word }: { readonly at: number; readonly text: number; readonly word: number }): void {
    this.put(NO_WORD, { at, text });
    this.hidden.push({ place: at * this.#texts + text, word });
  }
}
