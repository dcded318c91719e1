/**
 * Owns which thresholds keep a bound that an operator states: at most so many wrong among in-scope answers that are kept, at most
 * so many out-of-scope texts kept. Both hold whatever share of the texts is out of scope. It never runs a model.
 */
import type { ManifestDraft } from '@nanofleet/protocol';
import { clopperPearsonUpper, examplesNeeded } from './clopper-pearson.ts';
import { quantile } from './metrics.ts';

/** What is promised; shares 0..1. */
export interface StatedBound {
  /** Of the in-scope texts that are answered as sure, at most this share gets a wrong label. */
  readonly wrongKept: number;
  /** Of the out-of-scope texts, at most this share is answered as sure. */
  readonly outOfScopeKept: number;
  /** Chance that one of the two is broken nevertheless: half of it each (Bonferroni). */
  readonly delta: number;
}

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
  /** The least share that these texts show the true one to be below. */
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
 * The loosest thresholds that keep the bound: from strict to loose, each step tested at delta / 2, to the first that fails (fixed-sequence
 * testing, Angelopoulos et al. 2021). The walk starts where half of the in-scope texts are kept, for few texts show nothing.
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
  const first = walk(texts, { bound, outOfScope: widest });
  if (first.outOfScopeKept.upper <= bound.outOfScopeKept) return first;
  // Fewer out-of-scope texts by their own score. Chosen with out-of-scope texts only, so the walk over the others stays honest.
  const stricter = GRID.find((outOfScope) => {
    if (outOfScope >= widest) return false;
    const { count, hits } = keptOutOfScope(texts, { outOfScope, confidence: first.confidence });
    return clopperPearsonUpper(hits, { count, delta: bound.delta / 2 }) <= bound.outOfScopeKept;
  });
  if (stricter === undefined) return first;
  return walk(texts, { bound, outOfScope: stricter, confidenceMin: first.confidence });
}

interface Thresholds {
  readonly confidence: number;
  readonly outOfScope: number;
}

const isKept = (text: ScoredText, { confidence, outOfScope }: Thresholds): boolean =>
  text.outOfScope < outOfScope && text.confidence >= confidence;

interface Walk {
  readonly bound: StatedBound;
  readonly outOfScope: number;
  /** Below it the walk does not go. */
  readonly confidenceMin?: number;
}

function walk(texts: CertifyingTexts, { bound, outOfScope, confidenceMin = 0 }: Walk): Certified {
  let best: number | undefined;
  let strictest = GRID[0] ?? 1;
  for (const confidence of GRID) {
    const seen = wrongAmongKept(texts, { outOfScope, confidence });
    if (seen.count < texts.inScope.length / 2) {
      strictest = confidence;
      continue;
    }
    if (best !== undefined && confidence < confidenceMin) break;
    if (clopperPearsonUpper(seen.hits, { count: seen.count, delta: bound.delta / 2 }) > bound.wrongKept)
      break;
    best = confidence;
  }
  const thresholds = { confidence: best ?? strictest, outOfScope };
  const delta = bound.delta / 2;
  const wrongKept = shownOf(wrongAmongKept(texts, thresholds), { bound: bound.wrongKept, delta });
  const outOfScopeKept = shownOf(keptOutOfScope(texts, thresholds), { bound: bound.outOfScopeKept, delta });
  const certified =
    best !== undefined && wrongKept.upper <= bound.wrongKept && outOfScopeKept.upper <= bound.outOfScopeKept;
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

function shownOf({ count, hits }: Counted, { bound, delta }: { bound: number; delta: number }): Shown {
  const upper = clopperPearsonUpper(hits, { count, delta });
  const rate = count === 0 ? 0 : hits / count;
  return { count, hits, upper, needed: upper <= bound ? count : examplesNeeded({ rate, bound, delta }) };
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
