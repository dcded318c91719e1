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
  typeOfTag,
} from './entity-tags.ts';

const TYPES = 2;
const TAGS = tagCount(TYPES);

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

const valueOf = (scores: Float32Array, path: readonly number[]): number =>
  path.reduce((sum, tag, at) => sum + (scores[at * TAGS + tag] ?? 0), 0);

describe('bestTags', () => {
  it('finds the best of all allowed sequences', () => {
    const some = fc.integer({ min: 1, max: 4 }).chain((tokens) =>
      fc.record({
        scores: fc.array(fc.integer({ min: -20, max: 20 }), {
          minLength: tokens * TAGS,
          maxLength: tokens * TAGS,
        }),
        joined: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: tokens, maxLength: tokens }),
      }),
    );
    fc.assert(
      fc.property(some, (given) => {
        const scores = Float32Array.from(given.scores);
        const joined = Uint8Array.from([0, ...given.joined.slice(1)]);
        const found = Array.from(bestTags(scores, { tags: TAGS, joined }));
        expect(isAllowed(found, joined)).toBe(true);
        const best = Math.max(
          ...[...everyPath(joined.length)]
            .filter((path) => isAllowed(path, joined))
            .map((path) => valueOf(scores, path)),
        );
        expect(valueOf(scores, found)).toBe(best);
      }),
      { seed: 1, numRuns: 60 },
    );
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
