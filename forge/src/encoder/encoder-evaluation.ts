// Owns computing an encoder's logits for many texts, shortest first, so that little is computed for absent words.
// It never judges them.
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { SINGLE_THREAD } from '../train/training-session.ts';
import { PLACES, SpreadWords } from './encoder-batches.ts';
import { ENCODER_INPUTS, encoderEvaluationGraph } from './encoder-graphs.ts';
import { type Encoder, parameterSpecs, WORDS_MAX } from './encoder-shape.ts';
import { Vocabulary } from './vocabulary.ts';
import { WordTable } from './word-table.ts';

const BATCH = 256;

/** Logits [texts, classes], row major, in the order of `texts`. */
export async function encoderLogits(encoder: Encoder, texts: readonly string[]): Promise<Float32Array> {
  const vocabulary = new Vocabulary(encoder.shape);
  const read = texts
    .map((text, index) => ({ index, words: vocabulary.read(text) }))
    .toSorted((a, b) => a.words.length - b.words.length);
  const logits = new Float32Array(texts.length * encoder.shape.classes);
  const run = new EncoderRun(encoder, vocabulary);
  for (let start = 0; start < read.length; start += BATCH) {
    const batch = read.slice(start, start + BATCH);
    const rows = await run.logits(batch.map(({ words }) => words));
    const { classes } = encoder.shape;
    batch.forEach(({ index }, at) =>
      logits.set(rows.subarray(at * classes, (at + 1) * classes), index * classes),
    );
  }
  await run.release();
  return logits;
}

class EncoderRun {
  readonly #encoder: Encoder;
  readonly #vocabulary: Vocabulary;
  readonly #table: WordTable;
  readonly #parameters: Record<string, Tensor>;
  readonly #sessions = new Map<number, InferenceSession>();

  constructor(encoder: Encoder, vocabulary: Vocabulary) {
    this.#encoder = encoder;
    this.#vocabulary = vocabulary;
    const none = new Float32Array(0);
    this.#table = new WordTable(encoder.shape.width, {
      value: encoder.table,
      firstMoment: none,
      secondMoment: none,
    });
    this.#parameters = Object.fromEntries(
      parameterSpecs(encoder.shape).map(({ name, shape }) => [
        name,
        new Tensor('float32', encoder.parameters.get(name) ?? none, shape),
      ]),
    );
  }

  async logits(texts: readonly Int32Array[]): Promise<Float32Array> {
    const longest = texts.reduce((most, { length }) => Math.max(most, length), 1);
    const places = PLACES.find((count) => count >= longest) ?? WORDS_MAX;
    const spread = new SpreadWords(places, texts.length);
    texts.forEach((words, text) => words.forEach((word, at) => spread.put(word, { at, text })));
    const vectors = this.#table.vectors(spread.numbers.map((word) => this.#vocabulary.rows(word)));
    const session = await this.#session(places);
    const feeds = {
      ...this.#parameters,
      [ENCODER_INPUTS.words]: new Tensor('float32', vectors, [
        spread.numbers.length,
        this.#encoder.shape.width,
      ]),
      [ENCODER_INPUTS.ids]: new Tensor('int32', spread.ids, [places, texts.length]),
      [ENCODER_INPUTS.mask]: new Tensor('float32', spread.mask, [places, texts.length, 1]),
    };
    const known = new Set(session.inputNames);
    const output = await session.run(
      Object.fromEntries(Object.entries(feeds).filter(([name]) => known.has(name))),
    );
    const found = output['logits']?.data;
    assert(found instanceof Float32Array);
    return found;
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
  }

  async #session(places: number): Promise<InferenceSession> {
    const known = this.#sessions.get(places);
    if (known) return known;
    const graph = encoderEvaluationGraph(this.#encoder.shape, places);
    const session = await InferenceSession.create(graph, SINGLE_THREAD);
    this.#sessions.set(places, session);
    return session;
  }
}
