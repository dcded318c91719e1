// Owns the float32 graphs of a tagger: one that trains it and one that evaluates it, over batches of texts that lie one
// after the other in one sequence of tokens. The host sums the rows of each token. It never sees the table and never quantizes.

import { tagCount } from '@nanofleet/runtime';
import { add, dropout, gelu, mul, scale } from '../autodiff/elementwise.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { crossEntropy } from '../autodiff/losses.ts';
import { linear, matMul } from '../autodiff/matrix.ts';
import { layerNorm } from '../autodiff/normalization.ts';
import { adamStep } from '../autodiff/optimizer.ts';
import { concat } from '../autodiff/shaping.ts';
import { shift } from '../autodiff/shift.ts';
import { tagOrderLoss } from './tag-order.ts';
import { denseShapes, penultimateWidth, TAG_ORDER, type TaggerShape } from './tagger.ts';

/** Inputs of both graphs. */
export const INPUTS = {
  /** Vectors of the tokens [T, width]. */
  tokens: 'tokens',
  /** [N, T]: how much of each token's vector belongs to the bag of each text. */
  bag: 'bag',
  /** [N, T]: the mean over the tokens of each text. */
  mean: 'mean',
  /** [T, N]: which text each token belongs to. */
  owner: 'owner',
} as const;

/** Inputs of the training graph only. Targets are probabilities, each row summing to the weight of its example. */
export const TRAINING_INPUTS = {
  /** [N, classes] */
  intents: 'targets.intents',
  /** [T, tags] */
  tags: 'targets.tags',
} as const;

/** The input [T, 1] that says which tokens have a token of the same text `by` places on. */
export const withinInput = (by: number): string => `within.${by}`;

/** Dropout masks of the training graph with their widths; the first is of texts, the others of tokens. */
export function maskInputs(shape: TaggerShape): { name: string; of: 'texts' | 'tokens'; width: number }[] {
  return [
    { name: 'mask.bag', of: 'texts', width: shape.width },
    { name: 'mask.penultimate', of: 'texts', width: penultimateWidth(shape) },
    { name: 'mask.tokens', of: 'tokens', width: shape.width },
    ...shape.convolutions.map((_, at) => ({
      name: `mask.conv${at}`,
      of: 'tokens' as const,
      width: shape.channels,
    })),
  ];
}

/** The places, relative to a token, that convolutions look at; 0 is left out. */
export function offsetsOf({ convolutions }: Pick<TaggerShape, 'convolutions'>): number[] {
  return [...new Set(convolutions.flatMap(convolutionOffsets))].filter((by) => by !== 0);
}

/** The places, relative to a token, that one convolution looks at. */
export function convolutionOffsets({ taps, dilation }: TaggerShape['convolutions'][number]): number[] {
  return Array.from({ length: taps }, (_, tap) => (tap - (taps - 1) / 2) * dilation);
}

/** How a tagger learns. */
export interface TaggerLoss {
  readonly weightDecay: number;
  /** Weight of the intent's loss beside that of the tags. */
  readonly intentWeight: number;
}

/** The training step: forward, backward and AdamW, as an .onnx file. The gradient of the tokens' vectors is an output. */
export function taggerTrainingGraph(
  shape: TaggerShape,
  { weightDecay, intentWeight }: TaggerLoss,
): Uint8Array {
  const graph = new Graph();
  const parameters = parametersOf(graph, shape);
  const tokens = graph.parameter(INPUTS.tokens, ['T', shape.width]);
  const masks = maskValues(graph, shape);
  const { logits, tags } = forward({ graph, shape, parameters, tokens, masks });
  const intents = graph.input(TRAINING_INPUTS.intents, 'float32', ['N', shape.classes]);
  const gold = graph.input(TRAINING_INPUTS.tags, 'float32', ['T', tagCount(shape.types)]);
  const single = crossEntropy(tags, gold);
  const order = parameters.get(TAG_ORDER);
  const sequence = order ? add(single, tagOrderLoss(tags, order, shape.types)) : single;
  const loss = add(sequence, scale(crossEntropy(logits, intents), intentWeight));
  return graph.build(
    'tagger-train-step',
    adamStep(loss, [...parameters.values()], { weightDecay, fetched: [tokens] }),
  );
}

function maskValues(graph: Graph, shape: TaggerShape): Map<string, Value> {
  return new Map(
    maskInputs(shape).map(({ name, of, width }) => [
      name,
      graph.input(name, 'float32', [of === 'texts' ? 'N' : 'T', width]),
    ]),
  );
}

/** The forward pass alone: outputs `logits` [N, classes], `penultimate` [N, P] and `tags` [T, tags]. */
export function taggerEvaluationGraph(shape: TaggerShape): Uint8Array {
  const graph = new Graph();
  const parameters = parametersOf(graph, shape);
  const tokens = graph.input(INPUTS.tokens, 'float32', ['T', shape.width]);
  return graph.build('tagger-evaluate', {
    ...forward({ graph, shape, parameters, tokens, masks: new Map() }),
  });
}

function parametersOf(graph: Graph, shape: TaggerShape): Map<string, Value> {
  return new Map(
    [...denseShapes(shape)].map(([name, dimensions]) => [name, graph.parameter(name, dimensions)]),
  );
}

interface Forward {
  readonly graph: Graph;
  readonly shape: TaggerShape;
  readonly parameters: ReadonlyMap<string, Value>;
  readonly tokens: Value;
  readonly masks: ReadonlyMap<string, Value>;
}

function forward(input: Forward): { logits: Value; penultimate: Value; tags: Value } {
  const { graph, masks } = input;
  const { hidden, value } = trunkForward(input);
  const mean = matMul(graph.input(INPUTS.mean, 'float32', ['N', 'T']), value);
  const penultimate = concat([hidden, mean], 1);
  return {
    logits: dense(dropped(penultimate, 'mask.penultimate', masks), 'head', input),
    penultimate,
    tags: dense(value, 'tags', input),
  };
}

const parameterOf = ({ parameters }: Pick<Forward, 'parameters'>, name: string): Value =>
  parameters.get(name) as Value;
const dense = (value: Value, name: string, input: Forward): Value =>
  linear(value, parameterOf(input, `${name}.weight`), parameterOf(input, `${name}.bias`));
const normed = (value: Value, name: string, input: Forward): Value =>
  layerNorm(value, parameterOf(input, `${name}.gain`), parameterOf(input, `${name}.shift`));
const dropped = (value: Value, name: string, masks: Forward['masks']): Value => {
  const mask = masks.get(name);
  return mask ? dropout(value, mask) : value;
};

/** The layer over the bags [N, hidden] and the last convolution of each token [T, channels]. */
function trunkForward(input: Forward): { hidden: Value; value: Value } {
  const { graph, shape, tokens, masks } = input;
  const within = new Map(
    offsetsOf(shape).map((by) => [by, graph.input(withinInput(by), 'float32', ['T', 1])]),
  );
  const seen = (value: Value, by: number): Value => {
    const inside = within.get(by);
    return inside ? mul(shift(value, by), inside) : value;
  };
  const bags = matMul(graph.input(INPUTS.bag, 'float32', ['N', 'T']), tokens);
  const hidden = gelu(dense(dropped(normed(bags, 'norm', input), 'mask.bag', masks), 'hidden', input));
  // What the whole text is about, told to each of its tokens.
  const owner = graph.input(INPUTS.owner, 'float32', ['T', 'N']);
  const context = matMul(owner, dense(hidden, 'context', input));
  let value = dropped(normed(tokens, 'token.norm', input), 'mask.tokens', masks);
  shape.convolutions.forEach((convolution, at) => {
    const offsets = convolutionOffsets(convolution);
    const around = concat(
      offsets.map((by) => seen(value, by)),
      1,
    );
    const taps = dense(around, `conv${at}`, input);
    const moved = gelu(at === 0 ? add(taps, context) : taps);
    const kept = at === 0 ? moved : add(value, moved);
    value = dropped(normed(kept, `conv${at}.norm`, input), `mask.conv${at}`, masks);
  });
  return { hidden, value };
}
