// Owns the float32 graphs of an encoder for texts of at most T words: one that trains it (labels of several tasks at once,
// and masked words) and one that evaluates it. It never sees the table of word features.
import { add, div, dropout, exp, mul, scale, sub, tanh } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { crossEntropy, oneHot } from '../autodiff/losses.ts';
import { adamStep } from '../autodiff/optimizer.ts';
import { reduceMax, reduceSum } from '../autodiff/reductions.ts';
import { concat, gather, reshape } from '../autodiff/shaping.ts';
import { dense, encode, normed } from './encoder-layers.ts';
import { type EncoderShape, outputWidth, parameterSpecs } from './encoder-shape.ts';

/** Inputs of both graphs: word vectors [U, width], word numbers int32 [T, N], presence [T, N, 1]. */
export const ENCODER_INPUTS = { words: 'words', ids: 'ids', mask: 'mask' } as const;
/** Further inputs of training. */
export const TRAINING_INPUTS = {
  /** Dropout masks [U, width] and [N, pooled]. */
  wordsKept: 'kept.words',
  pooledKept: 'kept.pooled',
  /** Probabilities [N, classes], each row summing to the weight of its text. */
  targets: 'targets',
  /** [N, classes]: 0 for the classes of the text's task, very low for those of other tasks. */
  task: 'task',
  /** Places t · N + n of hidden words, int32 [K], and which words they were, int64 [K]. */
  hiddenPlaces: 'hidden.places',
  hiddenWords: 'hidden.words',
  /** Weight of guessing hidden words, a scalar. */
  hiddenWeight: 'hidden.weight',
} as const;
interface Traced {
  readonly graph: Graph;
  readonly parameters: ReadonlyMap<string, Value>;
  readonly places: Value;
  readonly pooled: Value;
  readonly words: Value;
  readonly parameter: (name: string) => Value;
}

/** Training step for texts of at most `places` words; it also gives the gradient of the loss by the word vectors. */
export function encoderTrainingGraph(
  shape: EncoderShape,
  { places, weightDecay }: { readonly places: number; readonly weightDecay: number },
): Uint8Array {
  const traced = trace(shape, { places, training: true });
  const { graph, pooled, parameter } = traced;
  const kept = dropout(
    pooled,
    graph.input(TRAINING_INPUTS.pooledKept, 'float32', ['N', 3 * outputWidth(shape)]),
  );
  const logits = add(
    dense(kept, 'head', parameter),
    graph.input(TRAINING_INPUTS.task, 'float32', ['N', shape.classes]),
  );
  const labelled = crossEntropy(
    logits,
    graph.input(TRAINING_INPUTS.targets, 'float32', ['N', shape.classes]),
  );
  const loss = shape.vocabulary === 0 ? labelled : add(labelled, hiddenWordLoss(shape, traced));
  const trained = [...traced.parameters.values()];
  return graph.build('encoder-train-step', adamStep(loss, trained, { weightDecay, fetched: [traced.words] }));
}

/** The forward pass: output `logits` [N, classes]. */
export function encoderEvaluationGraph(shape: EncoderShape, places: number): Uint8Array {
  const { graph, pooled, parameter } = trace(shape, { places, training: false });
  return graph.build('encoder-evaluate', { logits: dense(pooled, 'head', parameter) });
}

function trace(
  shape: EncoderShape,
  { places, training }: { readonly places: number; readonly training: boolean },
): Traced {
  const graph = new Graph();
  const parameters = new Map(
    parameterSpecs(shape).map(({ name, shape: dimensions }) => [name, graph.parameter(name, dimensions)]),
  );
  const parameter = (name: string): Value => {
    const found = parameters.get(name);
    if (!found) throw new RangeError(`an encoder has no parameter ${name}`);
    return found;
  };
  const words = graph.parameter(ENCODER_INPUTS.words, ['U', shape.width]);
  const scaled = normed(words, 'words.norm', parameter);
  const kept = training
    ? dropout(scaled, graph.input(TRAINING_INPUTS.wordsKept, 'float32', ['U', shape.width]))
    : scaled;
  const ids = graph.input(ENCODER_INPUTS.ids, 'int32', [places, 'N']);
  const mask = graph.input(ENCODER_INPUTS.mask, 'float32', [places, 'N', 1]);
  const value = encode({ shape, places, words: kept, ids, mask, parameter });
  const pooled = normed(pool(value, { shape, places, mask, parameter }), 'pool.norm', parameter);
  return { graph, parameters, places: value, pooled, words, parameter };
}

interface Pooling {
  readonly shape: EncoderShape;
  readonly places: number;
  readonly mask: Value;
  readonly parameter: (name: string) => Value;
}

// Three views of a text: attention over its words, their maximum, and their sum by √(count).
function pool(value: Value, { shape, places, mask, parameter }: Pooling): Value {
  const width = outputWidth(shape);
  const { graph } = value;
  const scores = reshape(dense(reshape(value, ['TN', width]), 'pool.score', parameter), [places, 'N', 1]);
  // Bounded, so that no score can overflow; then a softmax over time by hand.
  const weights = mul(exp(scale(tanh(scores), 4)), mask);
  const shares = div(weights, add(reduceSum(weights, [0], { keep: true }), graph.scalar(1e-6)));
  const attention = reduceSum(mul(value, shares), [0]);
  const highest = reduceMax(add(value, scale(sub(mask, graph.scalar(1)), 1e4)), 0);
  const count = reduceSum(mask, [0]);
  const root = graph.emit({ operator: 'Sqrt', inputs: [count], shape: ['N', 1] });
  return concat([attention, highest, div(reduceSum(value, [0]), root)], 1);
}

function hiddenWordLoss(shape: EncoderShape, { graph, places, parameter }: Traced): Value {
  const flat = reshape(places, ['TN', outputWidth(shape)]);
  const hidden = gather(flat, graph.input(TRAINING_INPUTS.hiddenPlaces, 'int32', ['K']));
  const words = graph.input(TRAINING_INPUTS.hiddenWords, 'int64', ['K']);
  const loss = crossEntropy(dense(hidden, 'mask.head', parameter), oneHot(words, shape.vocabulary));
  return mul(loss, graph.input(TRAINING_INPUTS.hiddenWeight, 'float32', []));
}
