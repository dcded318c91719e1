// Behaviour of the loss of whole sequences: what counting every sequence by hand gives, with the gradient of finite differences.
import { OUTSIDE } from '@nanofleet/runtime';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { gradientErrors, normalNumbers } from '../autodiff/gradient-check.ts';
import { Graph, type Value } from '../autodiff/graph.ts';
import { SINGLE_THREAD } from '../train/training-session.ts';
import { learnedTransitions, tagOrderFeeds, tagOrderLoss } from './tag-order.ts';
import { countSteps } from './tag-steps.ts';

const TYPES = 2;
const TAGS = 5;
const SHAPE = [TYPES + 1, TYPES + 2];
/** The second text is not marked, the third has one token. */
const TEXTS = [
  { tokens: 3, tags: Int32Array.of(3, 4, 0) },
  { tokens: 2, tags: undefined },
  { tokens: 1, tags: Int32Array.of(1) },
];

interface Traced {
  readonly tags: Value;
  readonly order: Value;
  readonly loss: Value;
}

function traced(): Traced {
  const graph = new Graph();
  const tags = graph.parameter('tags', ['T', TAGS]);
  const order = graph.parameter('scores', SHAPE);
  return { tags, order, loss: tagOrderLoss(tags, order, TYPES) };
}

/** Every sequence in which an inside tag follows only a tag of its type. */
function sequences(length: number): number[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((before) =>
    Array.from({ length: TAGS }, (_, tag) => [...before, tag]).filter((tags) => {
      const [last, previous = OUTSIDE] = tags.toReversed();
      return last === undefined || last % 2 === 1 || last === OUTSIDE || (previous + 1) >> 1 === last >> 1;
    }),
  );
}

/** The sum of the scores of the steps of a sequence, and of its tags from the token `first` on. */
function scoreOf(
  path: readonly number[],
  first: number,
  { tags, order }: Record<string, Float32Array>,
): number {
  const counts = new Float64Array(order?.length ?? 0);
  countSteps(Int32Array.from(path), { counts, types: TYPES });
  const steps = counts.reduce((sum, count, at) => sum + count * (order?.[at] ?? 0), 0);
  return path.reduce((sum, tag, at) => sum + (tags?.[(first + at) * TAGS + tag] ?? Number.NaN), steps);
}

const logSumOfPowers = (values: readonly number[]): number =>
  Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));

describe('tagOrderLoss', () => {
  it('makes the loss of single tags that of all sequences that decoding allows', async () => {
    const next = normalNumbers(3);
    const tags = Float32Array.from({ length: 6 * TAGS }, next);
    const order = Float32Array.from({ length: (TYPES + 1) * (TYPES + 2) }, next);
    const { loss } = traced();
    const session = await InferenceSession.create(loss.graph.build('loss', { loss }), SINGLE_THREAD);
    const { loss: found } = await session.run({
      tags: new Tensor('float32', tags, [6, TAGS]),
      scores: new Tensor('float32', order, SHAPE),
      ...tagOrderFeeds(TEXTS, TYPES),
    });
    await session.release();
    const sums = [TEXTS[0], TEXTS[2]].map((text, at) => {
      const first = at === 0 ? 0 : 5;
      const gold = Array.from(text?.tags ?? []);
      const single = gold.map((tag, token) => {
        const row = Array.from(tags.subarray((first + token) * TAGS, (first + token + 1) * TAGS));
        return logSumOfPowers(row) - (row[tag] ?? Number.NaN);
      });
      const all = sequences(gold.length).map((path) => scoreOf(path, first, { tags, order }));
      const whole = logSumOfPowers(all) - scoreOf(gold, first, { tags, order });
      return whole - single.reduce((sum, part) => sum + part, 0);
    });
    expect(found?.data[0]).toBeCloseTo(((sums[0] ?? 0) + (sums[1] ?? 0)) / 6, 4);
  });

  it('has the gradient that finite differences give', async () => {
    const { tags, order, loss } = traced();
    const inputs = tagOrderFeeds(TEXTS, TYPES);
    for (const error of await gradientErrors({ loss, parameters: [tags, order], inputs, sizes: { T: 6 } }))
      expect(error).toBeLessThan(1e-2);
  });
});

describe('learnedTransitions', () => {
  it('moves all scores alike until none is above 0', () => {
    expect(Array.from(learnedTransitions(new Map([['order', Float32Array.of(1, -2, 0.5)]])))).toEqual([
      0, -3, -0.5,
    ]);
  });
});
