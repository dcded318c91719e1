// Behaviour of decoding tags: the best of all sequences that the rules allow, found by trying every one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestTags,
  firstTag,
  insideTag,
  isFirst,
  OUTSIDE,
  spansOfTags,
  tagCount,
  transitionBytes,
  transitionsOf,
  typeOfTag,
} from './entity-tags.ts';

const TYPES = 2;
const TAGS = tagCount(TYPES);
const COSTS = (1 + TYPES) * (2 + TYPES);

function isAllowed(path: readonly number[], joined: Uint8Array): boolean {
  return path.every((tag, at) => {
    const before = at === 0 ? OUTSIDE : (path[at - 1] ?? OUTSIDE);
    const isInside = tag !== OUTSIDE && !isFirst(tag);
    if (isInside) return before !== OUTSIDE && typeOfTag(before) === typeOfTag(tag);
    return joined[at] !== 1 || (tag === OUTSIDE && before === OUTSIDE);
  });
}

function* everyPath(length: number): Generator<number[]> {
  if (length === 0) yield [];
  else for (const path of everyPath(length - 1)) for (let tag = 0; tag < TAGS; tag += 1) yield [...path, tag];
}

/** Sum of scores and transitions of a path. */
function valueOf(scores: Float32Array, path: readonly number[], costs: Float32Array): number {
  return path.reduce((sum, tag, at) => {
    const before = at === 0 ? OUTSIDE : (path[at - 1] ?? OUTSIDE);
    const row = before === OUTSIDE ? 0 : typeOfTag(before) + 1;
    const further = TYPES + 1;
    const column = tag === OUTSIDE ? 0 : isFirst(tag) ? typeOfTag(tag) + 1 : further;
    return sum + (scores[at * TAGS + tag] ?? 0) + (costs[row * (TYPES + 2) + column] ?? 0);
  }, 0);
}

describe('bestTags', () => {
  it('finds the best of all allowed sequences', () => {
    const some = fc.integer({ min: 1, max: 4 }).chain((tokens) =>
      fc.record({
        scores: fc.array(fc.integer({ min: -20, max: 20 }), {
          minLength: tokens * TAGS,
          maxLength: tokens * TAGS,
        }),
        joined: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: tokens, maxLength: tokens }),
        // Steps of 25 hundredths are exact in float32.
        bytes: fc.array(fc.constantFrom(0, 25, 100, 250), { minLength: COSTS, maxLength: COSTS }),
      }),
    );
    fc.assert(
      fc.property(some, fc.boolean(), (given, isFree) => {
        const scores = Float32Array.from(given.scores);
        const joined = Uint8Array.from([0, ...given.joined.slice(1)]);
        const transitions = transitionsOf(Uint8Array.from(given.bytes));
        const decoding = { tags: TAGS, joined, ...(isFree ? {} : { transitions }) };
        const found = Array.from(bestTags(scores, decoding));
        expect(isAllowed(found, joined)).toBe(true);
        const costs = isFree ? new Float32Array(COSTS) : transitions.scores;
        const allowed = [...everyPath(joined.length)].filter((path) => isAllowed(path, joined));
        const best = Math.max(...allowed.map((path) => valueOf(scores, path, costs)));
        expect(valueOf(scores, found, costs)).toBeCloseTo(best, 4);
      }),
      { seed: 1, numRuns: 80 },
    );
  });

  it('reads transitions as they were written, to the hundredth', () => {
    const scores = Float32Array.of(0, -0.5, -1.25, -9);
    const read = transitionsOf(transitionBytes(scores));
    expect(read.least).toBeCloseTo(-2.55, 5);
    [0, -0.5, -1.25, -2.55].forEach((score, at) => expect(read.scores[at]).toBeCloseTo(score, 5));
  });

  it('gives no tag to no token', () => {
    expect(bestTags(new Float32Array(), { tags: TAGS })).toEqual(new Int32Array());
  });
});

describe('spansOfTags', () => {
  it('reads runs of tokens, neighbours of one type apart', () => {
    const tags = [firstTag(0), insideTag(0), firstTag(0), OUTSIDE, firstTag(1)];
    expect(spansOfTags(Int32Array.from(tags))).toEqual([
      { type: 0, first: 0, last: 1 },
      { type: 0, first: 2, last: 2 },
      { type: 1, first: 4, last: 4 },
    ]);
  });

  it('opens an entity at an inside tag that continues nothing', () => {
    expect(spansOfTags(Int32Array.of(insideTag(1), insideTag(0)))).toEqual([
      { type: 1, first: 0, last: 0 },
      { type: 0, first: 1, last: 1 },
    ]);
  });
});
