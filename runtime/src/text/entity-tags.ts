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

/** What scores of tags are decoded with. */
export interface Decoding {
  /** Count of tags. */
  readonly tags: number;
  /** 1 for a token that stands in one word with the one before it ("e-type"): no entity begins or ends between them. */
  readonly joined?: Uint8Array;
}

/**
 * The sequence of tags with the greatest sum of scores in which an inside tag follows only a tag of its type (Viterbi 1967).
 * Any tag may follow any other else, so a step costs the number of tags, not its square.
 * @param scores [tokens, tags], row major: logits or logarithms of probabilities
 */
export function bestTags(scores: Float32Array, { tags, joined }: Decoding): Int32Array {
  assert(tags % 2 === 1 && scores.length % tags === 0, 'scores are whole rows of an odd number of tags');
  const tokens = scores.length / tags;
  const from = new Int32Array(tokens * tags);
  let reached = new Float64Array(tags).fill(Number.NEGATIVE_INFINITY);
  let next = new Float64Array(tags);
  let best = OUTSIDE;
  // Before the first token only the outside was seen: no inside tag can open a text.
  reached[OUTSIDE] = 0;
  for (let token = 0; token < tokens; token += 1) {
    const isJoined = joined?.[token] === 1;
    best = step({ scores, at: token * tags, reached, next, from, best: isJoined ? OUTSIDE : best, isJoined });
    [reached, next] = [next, reached];
  }
  return followed(from, { tokens, tags, best });
}

interface Step {
  readonly scores: Float32Array;
  /** Where the token's row starts. */
  readonly at: number;
  readonly reached: Float64Array;
  readonly next: Float64Array;
  readonly from: Int32Array;
  /** The tag before one that is not an inside tag. */
  readonly best: number;
  readonly isJoined: boolean;
}

/** Fills `next` and `from` for one token; returns the tag that it reaches best. */
function step({ scores, at, reached, next, from, best, isJoined }: Step): number {
  const free = reached[best] ?? 0;
  const opening = isJoined ? Number.NEGATIVE_INFINITY : free;
  next[OUTSIDE] = free + (scores[at] ?? 0);
  from[at] = best;
  let leading = OUTSIDE;
  for (let first = 1; first < reached.length; first += 2) {
    const inside = first + 1;
    const [opened, held] = [reached[first] ?? 0, reached[inside] ?? 0];
    next[first] = opening + (scores[at + first] ?? 0);
    from[at + first] = best;
    next[inside] = Math.max(opened, held) + (scores[at + inside] ?? 0);
    from[at + inside] = opened >= held ? first : inside;
    if ((next[first] ?? 0) > (next[leading] ?? 0)) leading = first;
    if ((next[inside] ?? 0) > (next[leading] ?? 0)) leading = inside;
  }
  return leading;
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
