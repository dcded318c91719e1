/**
 * Owns which rows of a text belong to which of its n-grams, as text-features.ts lays them down: of each token its word, its pieces,
 * the pair that it ends; at last the pair of the last token and the end. Pure; never runs a model.
 */
import type { TextFeatureParameters } from '@nanofleet/protocol';
import type { TokenRows } from '../text/text-features.ts';

/** An n-gram of a text. */
export interface NgramRows {
  /** `new york`, `<s> what`, `now </s>`, or a piece such as `<wea`. */
  readonly ngram: string;
  /** The letters that it covers in the text as it was asked, UTF-16 units, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** The first of its rows and how many there are. */
  readonly row: number;
  readonly rows: number;
}

/** A text as the model sees it. */
export interface SeenText {
  readonly text: string;
  readonly seen: TokenRows;
  readonly parameters: TextFeatureParameters;
}

interface Token {
  readonly word: string;
  readonly from: number;
  readonly to: number;
  /** Its rows without the pair that ends the text. */
  readonly firstRow: number;
  readonly endRow: number;
}

/** The token, as the features spell it. */
export function tokenAt({ text, seen }: SeenText, token: number): { word: string; from: number; to: number } {
  const from = seen.bounds[2 * token] ?? 0;
  const to = seen.bounds[2 * token + 1] ?? 0;
  const word = text.slice(from, to).toLowerCase().replace(/[’`]/g, "'");
  // Lower-casing makes two characters of İ; the second is no part of a token.
  return { word: word.replace(/[^a-z0-9']/g, ''), from, to };
}

/** Every pair of neighbouring words, the ends of the text included; none if the features have none. */
export function pairsOf(given: SeenText): NgramRows[] {
  if (!given.parameters.wordBigrams || isCut(given)) return [];
  const rows = hashesOf(given);
  const tokens = Array.from({ length: given.seen.tokens }, (_, token) => rowsOf(given, token));
  const pairs = tokens.map(({ word, from, to, endRow }, at) => {
    const before = tokens[at - 1];
    return {
      ngram: `${before?.word ?? '<s>'} ${word}`,
      from: before?.from ?? from,
      to,
      row: endRow - rows,
      rows,
    };
  });
  const last = tokens.at(-1);
  if (last === undefined) return [];
  const { word, from, to, endRow } = last;
  return [...pairs, { ngram: `${word} </s>`, from, to, row: endRow, rows }];
}

/** The longest pieces of a token: those of `charMax` characters, or the whole of a shorter one in its brackets. */
export function piecesOf(given: SeenText, token: number): NgramRows[] {
  const { charMin, charMax } = given.parameters;
  const rows = hashesOf(given);
  const { word, from, to, firstRow } = rowsOf(given, token);
  const bracketed = `<${word}>`;
  const longest = Math.min(charMax, bracketed.length);
  if (isCut(given) || longest < charMin) return [];
  const pieces: NgramRows[] = [];
  let row = firstRow + rows;
  for (let at = 0; at < bracketed.length; at += 1) {
    const count = Math.max(0, Math.min(charMax, bracketed.length - at) - charMin + 1);
    row += count * rows;
    if (at + longest > bracketed.length) continue;
    const place = { from: from + Math.max(0, at - 1), to: Math.min(to, from + at - 1 + longest) };
    pieces.push({ ngram: bracketed.slice(at, at + longest), ...place, row: row - rows, rows });
  }
  return pieces;
}

/** The same features but those of one n-gram. */
export function withoutNgram(seen: TokenRows, { row, rows }: NgramRows): TokenRows {
  const isKept = (_: number, at: number): boolean => at < row || at >= row + rows;
  return { ...seen, rows: seen.rows.filter(isKept), tokenOfRow: seen.tokenOfRow.filter(isKept) };
}

/** Whether rows were dropped, so that it is not known where the last ones belong. */
const isCut = ({ seen, parameters }: SeenText): boolean => seen.rows.length >= parameters.rowsMax;

const hashesOf = ({ parameters }: SeenText): number => parameters.hashes ?? 1;

function rowsOf(given: SeenText, token: number): Token {
  const { seen, parameters } = given;
  const firstRow = seen.tokenOfRow.indexOf(token);
  const isLast = token === seen.tokens - 1;
  const next = isLast ? seen.rows.length : seen.tokenOfRow.indexOf(token + 1);
  const endRow = isLast && parameters.wordBigrams ? next - hashesOf(given) : next;
  return { ...tokenAt(given, token), firstRow, endRow };
}
