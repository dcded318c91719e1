/**
 * Owns asking a graph for the logits of the lesser texts of an explanation: in few runs where it takes several texts at once, in one run
 * a text where it does not. Never decides which texts these are.
 */
import type { InferenceSession } from 'onnxruntime-node';
import type { TokenRows } from '../text/text-features.ts';
import { logitsOf } from './logits.ts';
import { feedsTogether, rowFeeds, runsTogether, tokenFeeds } from './text-input.ts';

const FETCHES = ['logits'];

/** The model that is asked. */
export interface ExplainedGraph {
  readonly session: InferenceSession;
  readonly labels: number;
  /** How many tokens get a tag; undefined for a graph that tags none. */
  readonly tokensMax: number | undefined;
}

/** The logits of each text, in the order of the texts. */
export async function explainedLogits(
  texts: readonly TokenRows[],
  { session, labels, tokensMax }: ExplainedGraph,
): Promise<Float32Array[]> {
  if (tokensMax !== undefined && runsTogether(session.inputNames))
    return await logitsTogether(texts, { session, labels, tokensMax });
  const { inputNames: inputs } = session;
  const feedsOf = (seen: TokenRows) =>
    tokensMax === undefined ? rowFeeds(seen.rows) : tokenFeeds(seen, { tokensMax, inputs });
  return await Promise.all(
    texts.map(async (seen) => logitsOf(await session.run(feedsOf(seen), FETCHES), labels)),
  );
}

/** Texts of one number of tokens share a run: none needs a mask then. */
async function logitsTogether(
  texts: readonly TokenRows[],
  { session, labels, tokensMax }: ExplainedGraph & { readonly tokensMax: number },
): Promise<Float32Array[]> {
  const found = new Map<TokenRows, Float32Array>();
  const groups = new Map<number, TokenRows[]>();
  for (const seen of texts) groups.set(seen.bounds.length, [...(groups.get(seen.bounds.length) ?? []), seen]);
  for (const group of groups.values()) {
    const outputs = await session.run(feedsTogether(group, tokensMax), FETCHES);
    const logits = logitsOf(outputs, group.length * labels);
    group.forEach((seen, at) => found.set(seen, logits.subarray(at * labels, (at + 1) * labels)));
  }
  return texts.map((seen) => found.get(seen) ?? new Float32Array());
}
