/**
 * Owns which thresholds keep a bound that an operator states: at most so many wrong among in-scope answers that are kept, at most
 * so many out-of-scope texts kept. Both hold whatever share of the texts is out of scope, of the true shares and, if asked, of those
 * that further texts will show. It never runs a model.
 */
import type { ManifestDraft } from '@nanofleet/protocol';
import { clopperPearsonUpper, leastCount } from './clopper-pearson.ts';
import { quantile } from './metrics.ts';
import { nextHitsUpper } from './next-count.ts';

/** What is promised; shares 0..1. */
export interface StatedBound {
  /** Of the in-scope texts that are answered as sure, at most this share gets a wrong label. */
  readonly wrongKept: number;
  /** Of the out-of-scope texts, at most this share is answered as sure. */
  readonly outOfScopeKept: number;
  /** Chance that one of the two is broken nevertheless; how they share it: `shareOfDelta`. */
  readonly delta: number;
  /**
   * So many further texts, if given, keep the bound by what is counted of them, too. That asks for more than the true shares do: of texts
   * whose true share is just within a bound about half the counts are beyond it.
   */
  readonly next?: TextCounts | undefined;
}

/** Numbers of texts. */
export interface TextCounts {
  readonly inScope: number;
  readonly outOfScope: number;
}

/**
 * The chance that each half of the bound is broken, by Bonferroni. Wrong answers get almost all: they decide how much is kept, while
 * few out-of-scope texts come near their half. At 0 of them 24 show a share of 20 %.
 */
export const shareOfDelta = (delta: number): { wrongKept: number; outOfScopeKept: number } => ({
  wrongKept: 0.95 * delta,
  outOfScopeKept: 0.05 * delta,
});

/** What the model said of a text that it was not trained on. */
export interface ScoredText {
  readonly confidence: number;
  readonly outOfScope: number;
}

/** Texts to certify with. */
export interface CertifyingTexts {
  readonly inScope: readonly (ScoredText & { readonly right: boolean })[];
  readonly outOfScope: readonly ScoredText[];
}

/** One half of the bound on the texts at hand. */
export interface Shown {
  /** Texts that were counted, and those of them that break the promise. */
  readonly count: number;
  readonly hits: number;
  /** The least share that these texts show the true one to be below, and that of the next texts if the bound is about them. */
  readonly upper: number;
  /** Texts to count, at the rate seen, for the bound to be shown; null if no number would do. */
  readonly needed: number | null;
}

/** Thresholds with what they were certified with. */
export interface Certified {
  readonly certified: boolean;
  readonly confidence: number;
  readonly outOfScope: number;
  /** Among kept in-scope texts. */
  readonly wrongKept: Shown;
  /** Among out-of-scope texts. */
  readonly outOfScopeKept: Shown;
}

/** What manifests say of a bound. */
export type RecordedBound = NonNullable<ManifestDraft['thresholds']['bound']>;

/** Grids do not depend on the texts, or testing one step after the other would promise too much; even in log-odds from 9 to -4. */
const STEPS = 520;
const GRID = Array.from({ length: STEPS }, (_, step) => 1 / (1 + Math.exp(-(9 - step / 40))));

/**
 * The loosest thresholds that keep the bound: from strict to loose, each step tested, to the first that fails (fixed-sequence
 * testing, Angelopoulos et al. 2021). The walk starts where half of the in-scope texts are kept, for few texts show nothing;
 * if no step holds, what is shown is said of the first.
 * `inScope` of `coverage` says which share of in-scope texts the out-of-scope threshold lets pass; it is made stricter if the bound asks for it.
 */
export function certify(
  texts: CertifyingTexts,
  { bound, coverage }: { readonly bound: StatedBound; readonly coverage: { readonly inScope: number } },
): Certified {
  const widest = Math.min(
    1,
    quantile(
      texts.inScope.map(({ outOfScope }) => outOfScope),
      coverage.inScope,
    ) + 1e-6,
  );
  const halves = halvesOf(bound, texts);
  const first = walk(texts, { halves, outOfScope: widest });
  if (first.outOfScopeKept.upper <= bound.outOfScopeKept) return first;
  // Fewer out-of-scope texts by their own score. Chosen with out-of-scope texts only, so the walk over the others stays honest.
  const stricter = GRID.find((outOfScope) => {
    if (outOfScope >= widest) return false;
    const seen = keptOutOfScope(texts, { outOfScope, confidence: first.confidence });
    return upperOf(seen, halves.outOfScopeKept) <= bound.outOfScopeKept;
  });
  if (stricter === undefined) return first;
  return walk(texts, { halves, outOfScope: stricter, confidenceMin: first.confidence });
}

interface Thresholds {
  readonly confidence: number;
  readonly outOfScope: number;
}

const isKept = (text: ScoredText, { confidence, outOfScope }: Thresholds): boolean =>
  text.outOfScope < outOfScope && text.confidence >= confidence;

/** One half of a bound: its share, its chance to be broken, and the further texts for each certifying one. */
interface Half {
  readonly bound: number;
  readonly delta: number;
  readonly nextPerText: number;
}

interface Halves {
  readonly wrongKept: Half;
  readonly outOfScopeKept: Half;
}

function halvesOf({ wrongKept, outOfScopeKept, delta, next }: StatedBound, texts: CertifyingTexts): Halves {
  const shares = shareOfDelta(delta);
  const perText = (further: number, of: readonly unknown[]): number => further / Math.max(1, of.length);
  return {
    wrongKept: {
      bound: wrongKept,
      delta: shares.wrongKept,
      nextPerText: perText(next?.inScope ?? 0, texts.inScope),
    },
    outOfScopeKept: {
      bound: outOfScopeKept,
      delta: shares.outOfScopeKept,
      nextPerText: perText(next?.outOfScope ?? 0, texts.outOfScope),
    },
  };
}

interface Walk {
  readonly halves: Halves;
  readonly outOfScope: number;
  /** Below it the walk does not go. */
  readonly confidenceMin?: number;
}

function walk(texts: CertifyingTexts, { halves, outOfScope, confidenceMin = 0 }: Walk): Certified {
  let best: number | undefined;
  let first: number | undefined;
  for (const confidence of GRID) {
    const seen = wrongAmongKept(texts, { outOfScope, confidence });
    if (seen.count < texts.inScope.length / 2) continue;
    first ??= confidence;
    if (best !== undefined && confidence < confidenceMin) break;
    if (upperOf(seen, halves.wrongKept) > halves.wrongKept.bound) break;
    best = confidence;
  }
  const thresholds = { confidence: best ?? first ?? 1, outOfScope };
  const wrongKept = shownOf(wrongAmongKept(texts, thresholds), halves.wrongKept);
  const outOfScopeKept = shownOf(keptOutOfScope(texts, thresholds), halves.outOfScopeKept);
  const certified =
    best !== undefined &&
    wrongKept.upper <= halves.wrongKept.bound &&
    outOfScopeKept.upper <= halves.outOfScopeKept.bound;
  return { certified, ...thresholds, wrongKept, outOfScopeKept };
}

interface Counted {
  readonly count: number;
  readonly hits: number;
}

function wrongAmongKept({ inScope }: CertifyingTexts, thresholds: Thresholds): Counted {
  let [count, hits] = [0, 0];
  for (const text of inScope)
    if (isKept(text, thresholds)) {
      count += 1;
      if (!text.right) hits += 1;
    }
  return { count, hits };
}

const keptOutOfScope = ({ outOfScope }: CertifyingTexts, thresholds: Thresholds): Counted => ({
  count: outOfScope.length,
  hits: outOfScope.filter((text) => isKept(text, thresholds)).length,
});

/** Of as many further texts as go with `count`, those that are kept are taken to be as large a share as here. */
function upperOf({ count, hits }: Counted, { delta, nextPerText }: Omit<Half, 'bound'>): number {
  const shown = clopperPearsonUpper(hits, { count, delta });
  const next = Math.round(count * nextPerText);
  return next === 0 ? shown : Math.max(shown, nextHitsUpper(hits, { count, next, delta }) / next);
}

function shownOf(seen: Counted, half: Half): Shown {
  const upper = upperOf(seen, half);
  return { ...seen, upper, needed: upper <= half.bound ? seen.count : needed(seen, half) };
}

function needed({ count, hits }: Counted, { bound, delta, nextPerText }: Half): number | null {
  const rate = count === 0 ? 0 : hits / count;
  if (rate >= bound) return null;
  return leastCount((more) => {
    const imagined = { count: more, hits: Math.ceil(rate * more) };
    return upperOf(imagined, { delta, nextPerText: (nextPerText * count) / more }) <= bound;
  });
}

/** What a manifest records of certified thresholds. */
export const recordedBound = (
  bound: StatedBound,
  { wrongKept, outOfScopeKept }: Certified,
): RecordedBound => ({
  ...bound,
  certifiedWith: {
    inScopeKept: wrongKept.count,
    wrong: wrongKept.hits,
    outOfScope: outOfScopeKept.count,
    outOfScopeKept: outOfScopeKept.hits,
  },
});

/** In words, why a bound could not be certified, what could, and how many texts it would take. */
export function shortfallOf(bound: StatedBound, { wrongKept, outOfScopeKept }: Certified): string {
  const half = (name: string, { count, hits, upper, needed }: Shown, wanted: number): string =>
    upper <= wanted
      ? ''
      : `${name}: ${hits} of ${count} show at most ${upper.toFixed(4)}, not ${wanted}; ${
          needed === null ? 'no number of texts shows it at this rate' : `at this rate it takes ${needed}`
        }. `;
  return (
    half('wrong among kept in-scope texts', wrongKept, bound.wrongKept) +
    half('out-of-scope texts kept', outOfScopeKept, bound.outOfScopeKept)
  ).trim();
}

/** Chance that texts which keep a share are taken to break it. */
const BROKEN_CHANCE = 0.05;

/** Whether so many hits show that the true share is above the bound (exact binomial test, one-sided). */
export const showsBroken = ({ count, hits }: Pick<Shown, 'count' | 'hits'>, bound: number): boolean =>
  count > 0 && 1 - clopperPearsonUpper(count - hits, { count, delta: BROKEN_CHANCE }) > bound;
