/**
 * Owns what a text graph is fed with: the rows of a text and, for a graph that tags tokens, which token each row belongs to.
 * Never runs a graph.
 */
import { assert, ENTITY_TOKENS_MAX } from '@nanofleet/protocol';
import type { Tensor as EngineTensor } from 'onnxruntime-node';
import type { TextFeatures, TokenRows } from '../text/text-features.ts';
import { Tensor } from './engine.ts';

/** Names of the inputs of a text graph. */
export const TEXT_INPUTS = { rows: 'rows', bag: 'bag', membership: 'membership' } as const;

/** The feeds of a graph that tags no token. */
export const rowFeeds = (rows: Int32Array): Record<string, EngineTensor> => ({
  [TEXT_INPUTS.rows]: new Tensor('int32', rows, [rows.length]),
});

/**
 * The feeds of a graph that tags tokens, for one text. Tokens beyond `tokensMax` are not tagged; their rows count for the intent still.
 * @param inputs names of the graph's inputs
 */
export function tokenFeeds(
  seen: TokenRows,
  { tokensMax, inputs }: { readonly tokensMax: number; readonly inputs: readonly string[] },
): Record<string, EngineTensor> {
  if (runsTogether(inputs)) return feedsTogether([seen], tokensMax);
  const { rows } = seen;
  const tokens = taggedOf(seen, tokensMax);
  const membership = new Float32Array(tokens * rows.length);
  fillMembership(membership, seen, { tokens, stride: rows.length });
  return {
    ...rowFeeds(rows),
    [TEXT_INPUTS.membership]: new Tensor('float32', membership, [tokens, rows.length]),
  };
}

/** Whether a graph takes several texts in one run. */
export const runsTogether = (inputs: readonly string[]): boolean => inputs.includes(TEXT_INPUTS.bag);

/** The feeds of a graph that tags tokens and takes several texts in one run: texts of one number of tokens. */
export function feedsTogether(texts: readonly TokenRows[], tokensMax: number): Record<string, EngineTensor> {
  const [first] = texts;
  assert(first !== undefined, 'a run has a text');
  const tokens = taggedOf(first, tokensMax);
  const stride = Math.max(...texts.map(({ rows }) => rows.length));
  const rows = new Int32Array(texts.length * stride);
  const bag = new Float32Array(texts.length * stride);
  const membership = new Float32Array(texts.length * tokens * stride);
  texts.forEach((seen, at) => {
    const from = at * stride;
    rows.set(seen.rows, from);
    bag.fill(1 / Math.sqrt(seen.rows.length), from, from + seen.rows.length);
    fillMembership(membership.subarray(from * tokens), seen, { tokens, stride });
  });
  return {
    [TEXT_INPUTS.rows]: new Tensor('int32', rows, [texts.length, stride]),
    [TEXT_INPUTS.bag]: new Tensor('float32', bag, [texts.length, stride]),
    [TEXT_INPUTS.membership]: new Tensor('float32', membership, [texts.length, tokens, stride]),
  };
}

const taggedOf = ({ bounds }: TokenRows, tokensMax: number): number =>
  Math.min(bounds.length / 2, tokensMax, ENTITY_TOKENS_MAX);

/** 1 / √(rows of the token) where a row is the token's, a line of `stride` a token. */
function fillMembership(
  membership: Float32Array,
  { rows, tokenOfRow }: TokenRows,
  { tokens, stride }: { readonly tokens: number; readonly stride: number },
): void {
  let from = 0;
  for (let row = 1; row <= rows.length; row += 1) {
    const token = tokenOfRow[from] ?? 0;
    if (row < rows.length && tokenOfRow[row] === token) continue;
    if (token < tokens)
      membership.fill(1 / Math.sqrt(row - from), token * stride + from, token * stride + row);
    from = row;
  }
}

/** The feeds of any text graph. @param inputs names of the graph's inputs */
export function textFeeds(
  features: TextFeatures,
  { text, inputs }: { readonly text: string; readonly inputs: readonly string[] },
): { readonly feeds: Record<string, EngineTensor>; readonly tokens: number } {
  if (!inputs.includes(TEXT_INPUTS.membership)) {
    const { rows, tokens } = features.of(text);
    return { feeds: rowFeeds(rows), tokens };
  }
  const seen = features.withTokens(text);
  return { feeds: tokenFeeds(seen, { tokensMax: ENTITY_TOKENS_MAX, inputs }), tokens: seen.tokens };
}
