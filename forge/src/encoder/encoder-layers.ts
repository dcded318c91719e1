// Owns the forward passes of the three kinds of encoder: from the vectors of the distinct words of a batch to a vector for
// each place of each text, time first: [T, N, H]. It never knows a loss.
import { add, gelu, mul, scale, sigmoid, sub, tanh } from '../autodiff/elementwise.ts';
import type { Value } from '../autodiff/graph.ts';
import { linear, matMul } from '../autodiff/matrix.ts';
import { layerNorm } from '../autodiff/normalization.ts';
import { softmax } from '../autodiff/reductions.ts';
import { concat, gather, pad, reshape, slice, transpose } from '../autodiff/shaping.ts';
import type { EncoderShape } from './encoder-shape.ts';

/** What an encoder reads: `words` [U, width] vectors, `ids` int32 [T, N], `mask` [T, N, 1] (1 where a text has a word). */
export interface EncoderInput {
  readonly shape: EncoderShape;
  /** T, words of the longest text. */
  readonly places: number;
  readonly words: Value;
  readonly ids: Value;
  readonly mask: Value;
  readonly parameter: (name: string) => Value;
}

/** [T, N, H]; 0 where a text has no word. */
export function encode(input: EncoderInput): Value {
  if (input.shape.kind === 'recurrent') return recurrent(input);
  return input.shape.kind === 'convolutional' ? convolutional(input) : transformer(input);
}

/** Layer norm by the name of its parameters. */
export function normed(value: Value, name: string, parameter: EncoderInput['parameter']): Value {
  return layerNorm(value, parameter(`${name}.gain`), parameter(`${name}.shift`));
}

/** Linear layer by the name of its parameters; value [rows, inputs]. */
export function dense(value: Value, name: string, parameter: EncoderInput['parameter']): Value {
  return linear(value, parameter(`${name}.weight`), parameter(`${name}.bias`));
}

function recurrent(input: EncoderInput): Value {
  const forward = direction(input, { name: 'forward', order: (step) => step });
  const backward = direction(input, { name: 'backward', order: (step) => input.places - 1 - step });
  // After its last word a text's state stays what it was: that must not count as further words.
  return mul(concat([forward, backward], 2), input.mask);
}

interface Direction {
  readonly name: string;
  readonly order: (step: number) => number;
}

// A gated recurrent unit (Cho et al. 2014, in the form of cuDNN). What a word gives to the gates does not depend on its
// place, so that product is computed once for each distinct word of the batch.
function direction(input: EncoderInput, { name, order }: Direction): Value {
  const { places, shape, parameter, ids, mask } = input;
  const gates = dense(input.words, `${name}.input`, parameter);
  const states: Value[] = [];
  let state: Value | undefined;
  for (let step = 0; step < places; step += 1) {
    const place = order(step);
    const read = gather(gates, reshape(slice(ids, { axis: 0, start: place, end: place + 1 }), ['N']));
    const present = reshape(slice(mask, { axis: 0, start: place, end: place + 1 }), ['N', 1]);
    state = next({ read, present, state, hidden: shape.hidden, name, parameter });
    states[place] = reshape(state, [1, 'N', shape.hidden]);
  }
  return concat(states, 0);
}

interface Next {
  readonly read: Value;
  readonly present: Value;
  readonly state: Value | undefined;
  readonly hidden: number;
  readonly name: string;
  readonly parameter: EncoderInput['parameter'];
}

function next({ read, present, state, hidden, name, parameter }: Next): Value {
  const part = (value: Value, from: number, to: number): Value =>
    slice(value, { axis: 1, start: from * hidden, end: to * hidden });
  // The bias of the state belongs to the new memory, too: without a state it stands alone.
  const kept = state ? dense(state, `${name}.state`, parameter) : parameter(`${name}.state.bias`);
  const own = (from: number, to: number): Value =>
    state ? part(kept, from, to) : slice(kept, { axis: 0, start: from * hidden, end: to * hidden });
  const open = sigmoid(add(part(read, 0, 2), own(0, 2)));
  const memory = tanh(add(part(read, 2, 3), mul(part(open, 0, 1), own(2, 3))));
  const update = part(open, 1, 2);
  const moved = state ? add(memory, mul(update, sub(state, memory))) : sub(memory, mul(update, memory));
  return state ? add(state, mul(present, sub(moved, state))) : mul(present, moved);
}

// Residual convolutions over three words each (Kim 2014 with residual connections), norm first.
function convolutional(input: EncoderInput): Value {
  const { shape, places, parameter, mask } = input;
  let value = mul(projected(input), mask);
  for (let layer = 0; layer < shape.layers; layer += 1) {
    const name = `layer${layer}`;
    const around = mul(normed(value, `${name}.norm`, parameter), mask);
    const padded = pad(around, { axis: 0, before: 1, after: 1 });
    const taps = [0, 1, 2].map((tap) => slice(padded, { axis: 0, start: tap, end: tap + places }));
    const flat = reshape(concat(taps, 2), ['TN', 3 * shape.hidden]);
    const moved = reshape(gelu(dense(flat, `${name}.taps`, parameter)), [places, 'N', shape.hidden]);
    value = mul(add(value, moved), mask);
  }
  return mul(normed(value, 'last.norm', parameter), mask);
}

// Vaswani et al. 2017, norm first (Xiong et al. 2020), learned positions.
function transformer(input: EncoderInput): Value {
  const { shape, places, parameter, mask } = input;
  const positions = slice(parameter('positions'), { axis: 0, start: 0, end: places });
  let value = add(projected(input), reshape(positions, [places, 1, shape.hidden]));
  for (let layer = 0; layer < shape.layers; layer += 1) {
    value = add(value, attended(input, value, `layer${layer}`));
    value = add(value, widened(input, value, `layer${layer}`));
  }
  return mul(normed(value, 'last.norm', parameter), mask);
}

function attended({ shape, places, parameter, mask }: EncoderInput, value: Value, name: string): Value {
  const { hidden, heads } = shape;
  const flat = reshape(normed(value, `${name}.norm`, parameter), ['TN', hidden]);
  const split = (part: string): Value =>
    transpose(
      reshape(dense(flat, `${name}.${part}`, parameter), [places, 'N', heads, hidden / heads]),
      [1, 2, 0, 3],
    );
  const scores = scale(
    matMul(split('query'), transpose(split('key'), [0, 1, 3, 2])),
    Math.sqrt(heads / hidden),
  );
  const absent = scale(sub(mask, mask.graph.scalar(1)), 1e4);
  const blocked = add(scores, reshape(transpose(absent, [1, 2, 0]), ['N', 1, 1, places]));
  const mixed = transpose(matMul(softmax(blocked), split('value')), [2, 0, 1, 3]);
  return reshape(dense(reshape(mixed, ['TN', hidden]), `${name}.out`, parameter), [places, 'N', hidden]);
}

function widened({ shape, places, parameter }: EncoderInput, value: Value, name: string): Value {
  const flat = reshape(normed(value, `${name}.wide.norm`, parameter), ['TN', shape.hidden]);
  const wide = gelu(dense(flat, `${name}.wide`, parameter));
  return reshape(dense(wide, `${name}.narrow`, parameter), [places, 'N', shape.hidden]);
}

// Projected once for each distinct word, then spread over the places.
function projected({ words, ids, places, shape, parameter }: EncoderInput): Value {
  const each = gather(dense(words, 'words.project', parameter), reshape(ids, ['TN']));
  return reshape(each, [places, 'N', shape.hidden]);
}
