// Owns teaching the trunk of a tagger what words stand where, before it sees a label: some tokens of texts are hidden, and it
// learns to guess them. A killed run goes on after its last whole epoch. It never reads a file of texts.
import { join } from 'node:path';
import { TextFeatures } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import { z } from 'zod';
import { correctedRate, gradientName } from '../autodiff/optimizer.ts';
import type { WordTable } from '../encoder/word-table.ts';
import { SeededRandom } from '../seeded-random.ts';
import { scheduledRate } from '../text/training-settings.ts';
import { TrainingSession } from '../train/training-session.ts';
import { denseShapes, freshTagger, type TaggerShape } from './tagger.ts';
import { dropoutMask } from './tagger-batches.ts';
import {
  HIDDEN_INPUTS,
  INPUTS,
  isTrunkMask,
  maskInputs,
  pretrainingShapes,
  taggerPretrainingGraph,
} from './tagger-graphs.ts';
import type { PretrainingSettings } from './tagger-settings.ts';
import { readState, type Weights, writeState } from './tagger-state.ts';
import { rowsByToken, tokenSequence } from './token-sequence.ts';

/** What the trunk learns from, and where its checkpoint lies (the directory exists). */
export interface Pretraining {
  readonly shape: TaggerShape;
  readonly seed: number;
  readonly texts: readonly string[];
  readonly settings: PretrainingSettings;
  readonly directory: string;
  readonly progress: (progress: {
    readonly epoch: number;
    readonly epochs: number;
    readonly loss: number;
  }) => void;
}

const CHECKPOINT = 'trunk.bin';
const positionSchema = z.object({ epoch: z.int().min(0), step: z.int().min(0) });

/** The trained trunk: the table and the layers below tags and intents. */
export async function pretrainTrunk(pretraining: Pretraining): Promise<Weights> {
  const { shape, seed, settings, directory, texts, progress } = pretraining;
  const vocabulary = vocabularyOf(texts, settings.vocabulary);
  const path = join(directory, CHECKPOINT);
  const wanted = { width: shape.width, dense: pretrainingShapes(shape, vocabulary.size) };
  const state = await readState(path, wanted, () => freshTrunk(pretraining, vocabulary.size));
  let { epoch, step } = state.meta === undefined ? { epoch: 0, step: 0 } : positionSchema.parse(state.meta);
  const graph = taggerPretrainingGraph(shape, {
    weightDecay: settings.weightDecay,
    vocabulary: vocabulary.size,
  });
  const session = await TrainingSession.open(graph, state.dense);
  try {
    const batches = new HiddenWordBatches(pretraining, vocabulary);
    for (; epoch < settings.epochs; epoch += 1) {
      const random = new SeededRandom(seed, 'hidden words', epoch);
      let sum = 0;
      let steps = 0;
      for (const { feeds, rows } of batches.of(random, state.table)) {
        const all = settings.epochs * Math.ceil(texts.length / settings.batchSize);
        const learningRate = correctedRate(scheduledRate(settings, step, all), step + 1);
        const gradient = new Tensor('float32', new Float32Array(rows.length * shape.width), [
          rows.length,
          shape.width,
        ]);
        sum += await session.step({
          feeds,
          learningRate,
          fetches: { [gradientName(INPUTS.tokens)]: gradient },
        });
        state.table.learn(rows, gradient.data, learningRate);
        step += 1;
        steps += 1;
      }
      await writeState(path, { session, table: state.table }, { epoch: epoch + 1, step });
      progress({ epoch: epoch + 1, epochs: settings.epochs, loss: sum / Math.max(steps, 1) });
    }
    const trunk = [...denseShapes(shape).keys()].filter((name) => wanted.dense.has(name));
    const learned = session.state();
    const dense = new Map(trunk.map((name) => [name, learned.get(name)?.value ?? new Float32Array()]));
    return { table: state.table.state.value, dense };
  } finally {
    await session.release();
  }
}

function freshTrunk({ shape, seed }: Pretraining, words: number): Weights {
  const { table, dense } = freshTagger(shape, seed);
  const random = new SeededRandom(seed, 'initial words');
  const weight = Float32Array.from(
    { length: shape.channels * words },
    () => (2 * random.uniform() - 1) / Math.sqrt(shape.channels),
  );
  return {
    table,
    dense: new Map([...dense, ['words.weight', weight], ['words.bias', new Float32Array(words)]]),
  };
}

const wordOf = (text: string, bounds: Int32Array, token: number): string =>
  text.slice(bounds[2 * token], bounds[2 * token + 1]).toLowerCase();

/** The most frequent words of texts by number. */
function vocabularyOf(texts: readonly string[], most: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of text.toLowerCase().match(/[a-z0-9']+/g) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const frequent = [...counts].toSorted(([a, left], [b, right]) => right - left || (a < b ? -1 : 1));
  return new Map(frequent.slice(0, most).map(([word], index) => [word, index]));
}

interface HiddenWordBatch {
  readonly feeds: Record<string, Tensor>;
  readonly rows: readonly Int32Array[];
}

/** Makes batches of texts with hidden words. */
class HiddenWordBatches {
  readonly #given: Pretraining;
  readonly #vocabulary: ReadonlyMap<string, number>;
  readonly #features: TextFeatures;

  constructor(given: Pretraining, vocabulary: ReadonlyMap<string, number>) {
    this.#given = given;
    this.#vocabulary = vocabulary;
    this.#features = new TextFeatures(given.shape.features);
  }

  *of(random: SeededRandom, table: WordTable): Generator<HiddenWordBatch> {
    const { texts, settings } = this.#given;
    const order = random.order(texts.length);
    for (let start = 0; start < order.length; start += settings.batchSize) {
      const chosen = Array.from(order.subarray(start, start + settings.batchSize), (at) => texts[at] ?? '');
      const batch = this.#batch(chosen, random, table);
      if (batch !== null) yield batch;
    }
  }

  #batch(texts: readonly string[], random: SeededRandom, table: WordTable): HiddenWordBatch | null {
    const { shape, settings } = this.#given;
    const places: number[] = [];
    const words: bigint[] = [];
    let place = 0;
    const tokens = texts.map((text) => {
      const { rows, tokenOfRow, bounds } = this.#features.withTokens(text);
      const own = rowsByToken(rows, tokenOfRow, bounds.length / 2);
      const hidden = own.map((_, token) => {
        const word = this.#vocabulary.get(wordOf(text, bounds, token));
        if (word === undefined || random.uniform() >= settings.hidden) return false;
        places.push(place + token);
        words.push(BigInt(word));
        return true;
      });
      place += own.length;
      return withHidden(own, hidden, shape.features);
    });
    if (places.length === 0) return null;
    const { feeds, rows } = tokenSequence(tokens, { shape, table });
    delete feeds[INPUTS.mean];
    const counts = { texts: texts.length, tokens: rows.length };
    for (const { name, of, width } of maskInputs(shape))
      if (isTrunkMask(name)) feeds[name] = dropoutMask([counts[of], width], settings.dropout, random);
    feeds[HIDDEN_INPUTS.places] = new Tensor('int32', Int32Array.from(places), [places.length]);
    feeds[HIDDEN_INPUTS.words] = new Tensor('int64', BigInt64Array.from(words), [words.length]);
    return { feeds, rows };
  }
}

const NO_ROWS = new Int32Array();

/** Rows without those that tell a hidden word: its own, and the pair that the next word makes with it. */
function withHidden(
  tokens: readonly Int32Array[],
  hidden: readonly boolean[],
  { wordBigrams, hashes = 1 }: TaggerShape['features'],
): Int32Array[] {
  return tokens.map((rows, token) => {
    if (hidden[token] === true) return NO_ROWS;
    if (!wordBigrams || hidden[token - 1] !== true) return rows;
    // The last token has the pair with the end of the text behind the one with its predecessor.
    const after = token === tokens.length - 1 ? hashes : 0;
    const end = rows.length - after;
    return Int32Array.from([...rows.subarray(0, end - hashes), ...rows.subarray(end)]);
  });
}
