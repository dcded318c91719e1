/**
 * Owns the tags of entity tagging: which number means what, and the best sequence of tags under the rules of BIO
 * (Ramshaw and Marcus 1995). Tag 0 is "outside"; type i has 1 + 2i for its first token and 2 + 2i for the others. Pure.
 */
import { assert } from '@nanofleet/protocol';

/** The tag of a token that belongs to no entity. */
export const OUTSIDE = 0;
/** How many tags that many entity types have. */
export const tagCount = (types: number): number => 1 + 2 * types;
/** The tag of the first token of an entity of type number `type`. */
export const firstTag = (type: number): number => 1 + 2 * type;
/** The tag of a further token of an entity of type number `type`. */
export const insideTag = (type: number): number => 2 + 2 * type;
/** Type number of a tag that is not OUTSIDE. */
export const typeOfTag = (tag: number): number => (tag - 1) >> 1;
/** Whether a tag opens an entity. */
export const isFirst = (tag: number): boolean => tag % 2 === 1;

/** A run of tokens that is one entity: tokens `first` to `last`, both included. */
export interface TokenSpan {
  readonly type: number;
  readonly first: number;
  readonly last: number;
}

/**
 * What it costs to go from one state to the next, [1 + types, 2 + types] row major, none above 0. From: outside, then each type.
 * To: outside, then the first token of each type, then a further token of the same type.
 */
export interface Transitions {
  readonly scores: Float32Array;
  /** The least of the scores. */
  readonly least: number;
}

/** Steps of the scores of transitions in a manifest. */
const TRANSITION_STEP = 0.01;

/** Transitions as a manifest keeps them: one byte each, in hundredths below 0. */
export function transitionBytes(scores: Float32Array): Uint8Array {
  return Uint8Array.from(scores, (score) => Math.min(255, Math.round(-score / TRANSITION_STEP)));
}

/** Transitions from the bytes of a manifest. */
export function transitionsOf(bytes: Uint8Array): Transitions {
  const scores = Float32Array.from(bytes, (byte) => -byte * TRANSITION_STEP);
  return { scores, least: scores.reduce((least, score) => Math.min(least, score), 0) };
}

/** What scores of tags are decoded with. */
export interface Decoding {
  /** Count of tags. */
  readonly tags: number;
  /** 1 for a token that stands in one word with the one before it ("e-type"): no entity begins or ends between them. */
  readonly joined?: Uint8Array;
  /** Free of cost when left out. */
  readonly transitions?: Transitions;
}

/**
 * The sequence of tags with the greatest sum of scores and transitions in which an inside tag follows only a tag of its type
 * (Viterbi 1967). Only tags that are so near the best that transitions could make up for it are followed on, so that a step
 * costs little more than the number of tags.
 * @param scores [tokens, tags], row major: logits or logarithms of probabilities
 */
export function bestTags(scores: Float32Array, { tags, joined, transitions }: Decoding): Int32Array {
  assert(tags % 2 === 1 && scores.length % tags === 0, 'scores are whole rows of an odd number of tags');
  const tokens = scores.length / tags;
  const from = new Int32Array(tokens * tags);
  const near = new Int32Array(tags);
  const costs = transitions?.scores ?? new Float32Array(freeLength(tags));
  let reached = new Float64Array(tags).fill(Number.NEGATIVE_INFINITY);
  let next = new Float64Array(tags);
  // Before the first token only the outside was seen: no inside tag can open a text.
  reached[OUTSIDE] = 0;
  for (let token = 0; token < tokens; token += 1) {
    // Inside a word nothing begins, and the outside follows only itself.
    const isJoined = joined?.[token] === 1;
    const count = isJoined ? 0 : nearBest(reached, near, transitions?.least ?? 0);
    // Spelled out: spreading an object here costs four microseconds a token.
    step({ tags, scores, costs, from, near, count, at: token * tags, reached, next });
    [reached, next] = [next, reached];
  }
  return followed(from, { tokens, tags, best: greatest(reached) });
}

const freeLength = (tags: number): number => ((tags + 1) / 2) * ((tags + 3) / 2);

function greatest(reached: Float64Array): number {
  let best = OUTSIDE;
  for (let tag = 1; tag < reached.length; tag += 1)
    if ((reached[tag] ?? 0) > (reached[best] ?? 0)) best = tag;
  return best;
}

/** Puts into `near` the tags that may precede the best one of a new entity or of the outside; returns how many. */
function nearBest(reached: Float64Array, near: Int32Array, least: number): number {
  const best = greatest(reached);
  near[0] = best;
  let count = 1;
  if (least === 0) return count;
  const enough = (reached[best] ?? 0) + least;
  for (let tag = 0; tag < reached.length; tag += 1) {
    if (tag === best || (reached[tag] ?? 0) < enough) continue;
    near[count] = tag;
    count += 1;
  }
  return count;
}

interface Step {
  readonly tags: number;
  readonly scores: Float32Array;
  readonly costs: Float32Array;
  readonly from: Int32Array;
  /** Tags that may come before, `count` of them. */
  readonly near: Int32Array;
  readonly count: number;
  /** Where the token's row starts. */
  readonly at: number;
  readonly reached: Float64Array;
  readonly next: Float64Array;
}

/** Fills `next` and `from` for one token. Plain loops: closures here cost four times as much. */
function step({ tags, scores, costs, from, near, count, at, reached, next }: Step): void {
  const width = (tags + 3) / 2;
  for (let tag = 0; tag < tags; tag += tag === OUTSIDE ? 1 : 2) {
    const column = (tag + 1) >> 1;
    let best = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < count; index += 1) {
      const before = near[index] ?? 0;
      const value = (reached[before] ?? 0) + (costs[((before + 1) >> 1) * width + column] ?? 0);
      if (value <= best) continue;
      best = value;
      from[at + tag] = before;
    }
    next[tag] = best + (scores[at + tag] ?? 0);
  }
  if (count === 0) next[OUTSIDE] = (reached[OUTSIDE] ?? 0) + (costs[0] ?? 0) + (scores[at] ?? 0);
  for (let inside = 2; inside < tags; inside += 2) {
    const opened = reached[inside - 1] ?? 0;
    const held = reached[inside] ?? 0;
    const cost = costs[(inside >> 1) * width + width - 1] ?? 0;
    next[inside] = (opened >= held ? opened : held) + cost + (scores[at + inside] ?? 0);
    from[at + inside] = opened >= held ? inside - 1 : inside;
  }
}

function followed(
  from: Int32Array,
  { tokens, tags, best }: { readonly tokens: number; readonly tags: number; readonly best: number },
): Int32Array {
  const path = new Int32Array(tokens);
  let tag = best;
  for (let token = tokens - 1; token >= 0; token -= 1) {
    path[token] = tag;
    tag = from[token * tags + tag] ?? OUTSIDE;
  }
  return path;
}

/** The entities of a sequence of tags. An inside tag that continues nothing opens an entity, as in the usual scorers. */
export function spansOfTags(tags: Int32Array): TokenSpan[] {
  const spans: { type: number; first: number; last: number }[] = [];
  let open: { type: number; first: number; last: number } | undefined;
  tags.forEach((tag, token) => {
    if (tag === OUTSIDE) open = undefined;
    else if (open !== undefined && !isFirst(tag) && open.type === typeOfTag(tag)) open.last = token;
    else {
      open = { type: typeOfTag(tag), first: token, last: token };
      spans.push(open);
    }
  });
  return spans;
}
