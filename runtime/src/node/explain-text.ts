/**
 * Owns why a text got its label: for each word, and for the n-grams that matter, how much the log-odds of the label fall without it. Not
 * how far it is ahead of one other label: without `weather` another one than the second may come first. By leaving out and running the model again, not by gradients: exact through every layer, for every graph, and no second
 * copy of the weights has to lie in memory. Never judges whether an explanation may be given.
 */
import {
  EXPLAINED_PIECES_MAX,
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
  readonly logitsFor: (seen: TokenRows) => Promise<Float32Array>;
}

/** By how much the log-odds of the decided label fall when the model sees less of the text. */
type FallFor = (seen: TokenRows) => Promise<number>;

type Words = Explanation['words'];
type Ngrams = Explanation['ngrams'];

/** Explains the decision on a text that may be asked. Further words than EXPLAINED_WORDS_MAX are left out. */
export async function explainText(text: string, model: Explained): Promise<Explanation> {
  const { features, logitsFor, parameters, temperature } = model;
  const given = { text, seen: features.withTokens(text), parameters };
  const logits = await logitsFor(given.seen);
  const label = argMax(logits);
  const whole = logOdds(logits, { label, temperature });
  const fallFor: FallFor = async (seen) => whole - logOdds(await logitsFor(seen), { label, temperature });
  const words = await wordsOf(given, { features, fallFor });
  const candidates = candidatesOf(given, words).slice(0, model.ngramsMax);
  return { words, ngrams: await ngramsOf(given, { candidates, fallFor }) };
}

/** Of a label against all others together: log(p / (1 - p)), without the rounding of a p near 1. */
function logOdds(
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
  { features, fallFor }: { readonly features: TextFeatures; readonly fallFor: FallFor },
): Promise<Words> {
  const words: Words = [];
  const { text, seen } = given;
  for (let token = 0; token < Math.min(seen.tokens, EXPLAINED_WORDS_MAX); token += 1) {
    const { word, from, to } = tokenAt(given, token);
    const shortened = features.withTokens(text.slice(0, from) + text.slice(to));
    words.push({ word, from, to, contribution: await fallFor(shortened) });
  }
  return words;
}

async function ngramsOf(
  given: SeenText,
  { candidates, fallFor }: { readonly candidates: readonly NgramRows[]; readonly fallFor: FallFor },
): Promise<Ngrams> {
  const ngrams: Ngrams = [];
  for (const candidate of candidates) {
    const { ngram, from, to } = candidate;
    ngrams.push({ ngram, from, to, contribution: await fallFor(withoutNgram(given.seen, candidate)) });
  }
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
