/**
 * Owns what a text graph is fed with: the rows of a text and, for a graph that tags tokens, which token each row belongs to.
 * Never runs a graph.
 */
import { ENTITY_TOKENS_MAX } from '@nanofleet/protocol';
import { Tensor } from 'onnxruntime-node';
import type { TextFeatures, TokenRows } from '../text/text-features.ts';

/** Names of the inputs of a text graph. */
export const TEXT_INPUTS = { rows: 'rows', membership: 'membership' } as const;

/** The feeds of a graph that tags no token. */
export const rowFeeds = (rows: Int32Array): Record<string, Tensor> => ({
  [TEXT_INPUTS.rows]: new Tensor('int32', rows, [rows.length]),
});

/**
 * The feeds of a graph that tags tokens: `membership` float32 [tokens, rows] holds 1 / √(rows of the token) where a row is
 * the token's. Tokens beyond `tokensMax` have no line in it; their rows count for the intent still.
 */
export function tokenFeeds(
  { rows, tokenOfRow, bounds }: TokenRows,
  tokensMax: number,
): Record<string, Tensor> {
  const tokens = Math.min(bounds.length / 2, tokensMax, ENTITY_TOKENS_MAX);
  const membership = new Float32Array(tokens * rows.length);
  let from = 0;
  for (let row = 1; row <= rows.length; row += 1) {
    const token = tokenOfRow[from] ?? 0;
    if (row < rows.length && tokenOfRow[row] === token) continue;
    if (token < tokens)
      membership.fill(1 / Math.sqrt(row - from), token * rows.length + from, token * rows.length + row);
    from = row;
  }
  return {
    ...rowFeeds(rows),
    [TEXT_INPUTS.membership]: new Tensor('float32', membership, [tokens, rows.length]),
  };
}

/** The feeds of any text graph. @param inputs names of the graph's inputs */
export function textFeeds(
  features: TextFeatures,
  { text, inputs }: { readonly text: string; readonly inputs: readonly string[] },
): { readonly feeds: Record<string, Tensor>; readonly tokens: number } {
  if (!inputs.includes(TEXT_INPUTS.membership)) {
    const { rows, tokens } = features.of(text);
    return { feeds: rowFeeds(rows), tokens };
  }
  const seen = features.withTokens(text);
  return { feeds: tokenFeeds(seen, ENTITY_TOKENS_MAX), tokens: seen.tokens };
}
