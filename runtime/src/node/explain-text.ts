/**
 * Owns why a text got its label: for each word, and for the n-grams that matter, how much the log-odds of the label fall without it. Not
 * how far it is ahead of one other label: without `weather` another one than the second may come first. By leaving out and running the model again, not by gradients: exact through every layer, for every graph, and no second
 * copy of the weights has to lie in memory. Never judges whether an explanation may be given.
 */
import {
  EXPLAINED_PIECES_MAX,
  EXPLAINED_ROWS_TOGETHER_MAX,
  EXPLAINED_WORDS_MAX,
  EXPLANATION_NGRAMS_MAX,
  type Explanation,
  type TextFeatureParameters,
} from '@nanofleet/protocol';
import { argMax } from '../metrics.ts';
import type { TextFeatures, TokenRows } from '../text/text-features.ts';
import { type NgramRows, pairsOf, piecesOf, type SeenText, tokenAt, withoutNgram } from './ngram-rows.ts';

/** The model that is asked again and again. */
export interface Explained {
  readonly features: TextFeatures;
  readonly parameters: TextFeatureParameters;
  readonly temperature: number;
  /** How many n-grams may be tried, those of the strongest word first; all by default. */
  readonly ngramsMax?: number | undefined;
  readonly logitsFor: (texts: readonly TokenRows[]) => Promise<Float32Array[]>;
}

/** By how much the log-odds of the decided label fall each time when the model sees less of the text. */
type FallsFor = (lesser: readonly (() => TokenRows)[]) => Promise<number[]>;

type Words = Explanation['words'];
type Ngrams = Explanation['ngrams'];

/** Explains the decision on a text, which the logits are of. Further words than EXPLAINED_WORDS_MAX are left out. */
export async function explainText(
  { text, logits }: { readonly text: string; readonly logits: Float32Array },
  model: Explained,
): Promise<Explanation> {
  const { features, parameters } = model;
  const given = { text, seen: features.withTokens(text), parameters };
  const together = Math.max(1, Math.floor(EXPLAINED_ROWS_TOGETHER_MAX / given.seen.rows.length));
  const fallsFor = fallsFrom(logits, { ...model, together });
  const words = await wordsOf(given, { features, fallsFor });
  const candidates = candidatesOf(given, words).slice(0, model.ngramsMax);
  return { words, ngrams: await ngramsOf(given, { candidates, fallsFor }) };
}

/** Runs the model a few times in one turn of the event loop, then lets others have one. */
function fallsFrom(
  logits: Float32Array,
  { logitsFor, temperature, together }: Explained & { readonly together: number },
): FallsFor {
  const label = argMax(logits);
  const whole = logOdds(logits, { label, temperature });
  return async (lesser) => {
    const falls: number[] = [];
    for (let from = 0; from < lesser.length; from += together) {
      const next = lesser.slice(from, from + together);
      const all = await logitsFor(next.map((seen) => seen()));
      falls.push(...all.map((without) => whole - logOdds(without, { label, temperature })));
    }
    return falls;
  };
}

/** Of a label against all others together: log(p / (1 - p)), without the rounding of a p near 1. */
export function logOdds(
  logits: Float32Array,
  { label, temperature }: { readonly label: number; readonly temperature: number },
): number {
  let next = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < logits.length; at += 1) if (at !== label) next = Math.max(next, logits[at] ?? next);
  let sum = 0;
  for (let at = 0; at < logits.length; at += 1)
    if (at !== label) sum += Math.exp(((logits[at] ?? 0) - next) / temperature);
  return ((logits[label] ?? 0) - next) / temperature - Math.log(sum);
}

async function wordsOf(
  given: SeenText,
  { features, fallsFor }: { readonly features: TextFeatures; readonly fallsFor: FallsFor },
): Promise<Words> {
  const { text, seen } = given;
  const count = Math.min(seen.tokens, EXPLAINED_WORDS_MAX);
  const words = Array.from({ length: count }, (_, token) => tokenAt(given, token));
  const falls = await fallsFor(
    words.map(
      ({ from, to }) =>
        () =>
          features.withTokens(text.slice(0, from) + text.slice(to)),
    ),
  );
  return words.map((word, at) => ({ ...word, contribution: falls[at] ?? 0 }));
}

async function ngramsOf(
  given: SeenText,
  { candidates, fallsFor }: { readonly candidates: readonly NgramRows[]; readonly fallsFor: FallsFor },
): Promise<Ngrams> {
  const falls = await fallsFor(candidates.map((candidate) => () => withoutNgram(given.seen, candidate)));
  const ngrams = candidates.map(({ ngram, from, to }, at) => ({
    ngram,
    from,
    to,
    contribution: falls[at] ?? 0,
  }));
  return ngrams.toSorted(greatestFirst).slice(0, EXPLANATION_NGRAMS_MAX);
}

function candidatesOf(given: SeenText, words: Words): NgramRows[] {
  const [strongest] = words.toSorted(greatestFirst);
  if (strongest === undefined) return [];
  const pairs = pairsOf(given).slice(0, EXPLAINED_WORDS_MAX + 1);
  const pieces = piecesOf(given, words.indexOf(strongest));
  const touches = ({ from, to }: NgramRows): boolean => from < strongest.to && to > strongest.from;
  const near = pairs.filter(touches);
  const far = pairs.filter((pair) => !touches(pair));
  return [...near, ...pieces.slice(0, EXPLAINED_PIECES_MAX), ...far];
}

const greatestFirst = (
  left: { readonly contribution: number },
  right: { readonly contribution: number },
): number => Math.abs(right.contribution) - Math.abs(left.contribution);
