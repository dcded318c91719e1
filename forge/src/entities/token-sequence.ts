// Owns how texts lie one after the other in one sequence of tokens: the tensors that say which token belongs to which text.
// It never touches the table and never draws.
import { Tensor } from 'onnxruntime-node';
import type { WordTable } from '../encoder/word-table.ts';
import type { TaggerShape } from './tagger.ts';
import { INPUTS, offsetsOf, withinInput } from './tagger-graphs.ts';

/** The rows of each token of a text. */
export type TextTokens = readonly Int32Array[];

/** Rows of the tokens of a text. @param tokenOfRow for each row the number of its token */
export function rowsByToken(rows: Int32Array, tokenOfRow: Int32Array, tokens: number): Int32Array[] {
  let at = 0;
  return Array.from({ length: tokens }, (_, token) => {
    const from = at;
    while (at < rows.length && tokenOfRow[at] === token) at += 1;
    return rows.slice(from, at);
  });
}

/** What both graphs are fed with, and the rows of all tokens in the order of the sequence. */
export interface TokenSequence {
  readonly feeds: Record<string, Tensor>;
  readonly rows: Int32Array[];
}

/** Lays texts one after the other; each has at least one token. */
export function tokenSequence(
  texts: readonly TextTokens[],
  { shape, table }: { readonly shape: TaggerShape; readonly table: WordTable },
): TokenSequence {
  const rows = texts.flat();
  const [count, length] = [texts.length, rows.length];
  const bag = new Float32Array(count * length);
  const mean = new Float32Array(count * length);
  const owner = new Float32Array(length * count);
  const place = new Int32Array(length);
  let token = 0;
  texts.forEach((tokens, text) => {
    const all = tokens.reduce((sum, own) => sum + own.length, 0);
    for (const [at, own] of tokens.entries()) {
      // A token's vector is the sum of its rows by √(their count); the bag's is that of all rows by √(the count of all).
      bag[text * length + token] = Math.sqrt(own.length / Math.max(all, 1));
      mean[text * length + token] = 1 / tokens.length;
      owner[token * count + text] = 1;
      place[token] = at;
      token += 1;
    }
  });
  const lengths = texts.flatMap((tokens) => tokens.map(() => tokens.length));
  const feeds: Record<string, Tensor> = {
    [INPUTS.tokens]: new Tensor('float32', table.vectors(rows), [length, shape.width]),
    [INPUTS.bag]: new Tensor('float32', bag, [count, length]),
    [INPUTS.mean]: new Tensor('float32', mean, [count, length]),
    [INPUTS.owner]: new Tensor('float32', owner, [length, count]),
  };
  for (const by of offsetsOf(shape)) {
    const within = Float32Array.from(place, (at, index) => {
      const seen = at + by;
      return seen >= 0 && seen < (lengths[index] ?? 0) ? 1 : 0;
    });
    feeds[withinInput(by)] = new Tensor('float32', within, [length, 1]);
  }
  return { feeds, rows };
}
