// Owns the loss of whole sequences of tags: a linear-chain conditional random field (Lafferty, McCallum and Pereira 2001)
// whose transitions are those that devices decode with. It never decodes and never counts.
import { tagCount } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import { add, div, exp, log, mul, sub } from '../autodiff/elementwise.ts';
import type { Graph, Value } from '../autodiff/graph.ts';
import { matMul } from '../autodiff/matrix.ts';
import { reduceSum, size, softmax } from '../autodiff/reductions.ts';
import { concat, gather, pad, reshape, slice } from '../autodiff/shaping.ts';
import { countSteps } from './tag-steps.ts';
import { TAG_ORDER } from './tagger.ts';

/** Tokens of a text whose order is learned; those after them learn their tags alone. Of Snips' texts 1 in 200 is longer. */
const STEPS = 20;
/** Keeps a sequence of tags possible that float32 would call impossible. */
const LEAST = 1e-9;

/** Inputs of the loss. */
const INPUTS = {
  /** [STEPS, N]: the place of each text's tokens in the sequence of all; 0 where the text is over. */
  places: 'order.places',
  /** [STEPS, N, 1]: 1 where the text has a token whose tag is known. */
  present: 'order.present',
  /** [1 + types, 2 + types]: how often the tags to learn go from one state to the next. */
  counts: 'order.counts',
} as const;

/**
 * What the order of tags adds to the mean cross-entropy of single tokens: with it the sum is the mean over tokens of
 * -log p(tags of the text). @param tags logits [T, tags] @param order scores [1 + types, 2 + types], see `Transitions`
 */
export function tagOrderLoss(tags: Value, order: Value, types: number): Value {
  const { graph } = tags;
  const counts = graph.input(INPUTS.counts, 'float32', [types + 1, types + 2]);
  const gold = reduceSum(mul(order, counts));
  return div(sub(logPartition(tags, exp(order), types), gold), size(tags, 0));
}

/** Sum over texts of log Σ over sequences of Π p(tag) · e^order; forward algorithm, each step scaled to 1 (Rabiner 1989). */
function logPartition(tags: Value, factors: Value, types: number): Value {
  const { graph } = tags;
  const states = types + 1;
  const { opening, going } = emissions(tags, types);
  const toOpening = slice(factors, { axis: 1, start: 0, end: states });
  const toGoing = reshape(slice(factors, { axis: 1, start: states, end: states + 1 }), [1, states]);
  const present = graph.input(INPUTS.present, 'float32', [STEPS, 'N', 1]);
  let reached = startOf(graph, states);
  let total: Value | undefined;
  for (let step = 0; step < STEPS; step += 1) {
    const at = (value: Value, width: number): Value =>
      reshape(slice(value, { axis: 0, start: step, end: step + 1 }), ['N', width]);
    const here = at(present, 1);
    const next = add(
      mul(matMul(reached, toOpening), at(opening, states)),
      mul(mul(reached, toGoing), at(going, states)),
    );
    const kept = add(reached, mul(here, sub(next, reached)));
    const sum = reduceSum(kept, [1], { keep: true });
    reached = div(kept, sum);
    const part = reduceSum(log(sum));
    total = total ? add(total, part) : part;
  }
  return total ?? graph.scalar(0);
}

/** Before the first token: the outside, for all texts alike. */
const startOf = (graph: Graph, states: number): Value =>
  graph.constant(
    Float32Array.from({ length: states }, (_, state) => (state === 0 ? 1 : 0)),
    [1, states],
  );

/** The probabilities, [STEPS, N, 1 + types], of the outside and of beginning each type; and of going on with it. */
function emissions(tags: Value, types: number): { opening: Value; going: Value } {
  const { graph } = tags;
  const places = graph.input(INPUTS.places, 'int64', [STEPS, 'N']);
  const shares = add(softmax(tags), graph.scalar(LEAST));
  const outside = slice(shares, { axis: 1, start: 0, end: 1 });
  const first = slice(shares, { axis: 1, start: 1, end: tagCount(types), step: 2 });
  const inside = slice(shares, { axis: 1, start: 2, end: tagCount(types), step: 2 });
  return {
    opening: gather(concat([outside, first], 1), places),
    going: gather(pad(inside, { axis: 1, before: 1, after: 0 }), places),
  };
}

/**
 * What the loss is fed with. @param texts the tags of each text in order; undefined where they are not known
 */
export function tagOrderFeeds(
  texts: readonly { readonly tokens: number; readonly tags: Int32Array | undefined }[],
  types: number,
): Record<string, Tensor> {
  const places = new BigInt64Array(STEPS * texts.length);
  const present = new Float32Array(STEPS * texts.length);
  const counts = new Float32Array((types + 1) * (types + 2));
  let start = 0;
  for (const [text, { tokens, tags }] of texts.entries()) {
    const steps = Math.min(tokens, STEPS);
    for (let step = 0; step < steps; step += 1) {
      places[step * texts.length + text] = BigInt(start + step);
      present[step * texts.length + text] = tags ? 1 : 0;
    }
    if (tags) countSteps(tags.subarray(0, steps), { counts, types });
    start += tokens;
  }
  return {
    [INPUTS.places]: new Tensor('int64', places, [STEPS, texts.length]),
    [INPUTS.present]: new Tensor('float32', present, [STEPS, texts.length, 1]),
    [INPUTS.counts]: new Tensor('float32', counts, [types + 1, types + 2]),
  };
}

/** The learned scores as `Transitions` has them: none above 0, which changes no decision, as each token takes one. */
export function learnedTransitions(dense: ReadonlyMap<string, Float32Array>): Float32Array {
  const order = dense.get(TAG_ORDER) ?? new Float32Array();
  const most = order.reduce((greatest, score) => Math.max(greatest, score), Number.NEGATIVE_INFINITY);
  return order.map((score) => score - most);
}
