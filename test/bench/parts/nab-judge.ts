// Runs a detector over labelled series, one sample after the other, and judges its scores by NAB's rule: with the best threshold, with one
// chosen on other categories, by category, and how much the choice of series matters.
import { SeededRandom } from '@nanofleet/forge';
import {
  bestNabThreshold,
  NAB_PROFILES,
  type NabJudged,
  type NabProfile,
  type NabScore,
  nabScore,
  nabWeights,
} from '@nanofleet/runtime';
import type { StreamDetector } from './anomaly-baselines.ts';
import type { NabSeries } from './nab-series.ts';

/** A detector's scores of a series. */
export interface ScoredSeries extends NabJudged {
  readonly category: string;
}

/** What a detector got by one profile. */
export interface ProfileFigures extends NabScore {
  readonly profile: string;
  /** The one for all series with the highest score. */
  readonly threshold: number;
  /** Each category judged with the threshold that is best on all others. */
  readonly elsewhere: number;
  /** 95 % of as many series drawn again and again, at the same threshold. */
  readonly low: number;
  readonly high: number;
}

/** Scores of all series, a fresh detector for each. */
export function scoredBy(series: readonly NabSeries[], detector: () => StreamDetector): ScoredSeries[] {
  return series.map(({ category, seconds, values, windows }) => {
    const fresh = detector();
    const scores = values.map((value, at) => fresh.push({ seconds: seconds[at] ?? 0, value }));
    return { category, scores, weights: nabWeights({ samples: values.length, windows }) };
  });
}

/** Figures of all profiles. */
export function profileFigures(scored: readonly ScoredSeries[]): ProfileFigures[] {
  return NAB_PROFILES.map((profile) => {
    const threshold = bestNabThreshold(scored, profile);
    return {
      profile: profile.name,
      threshold,
      ...nabScore(scored, { profile, threshold }),
      elsewhere: elsewhere(scored, profile),
      ...interval(scored, { profile, threshold }),
    };
  });
}

/** By category, at one threshold; without windows there is no score, only false alarms. */
export function categoryFigures(
  scored: readonly ScoredSeries[],
  judging: { readonly profile: NabProfile; readonly threshold: number },
): ({ readonly category: string } & NabScore)[] {
  return categoriesOf(scored).map((category) => ({
    category,
    ...nabScore(
      scored.filter((one) => one.category === category),
      judging,
    ),
  }));
}

const categoriesOf = (scored: readonly ScoredSeries[]): string[] => [
  ...new Set(scored.map(({ category }) => category)),
];

function elsewhere(scored: readonly ScoredSeries[], profile: NabProfile): number {
  const parts = categoriesOf(scored).map((category) => {
    const others = scored.filter((one) => one.category !== category);
    const own = scored.filter((one) => one.category === category);
    return nabScore(own, { profile, threshold: bestNabThreshold(others, profile) });
  });
  return pooled(parts, profile);
}

function pooled(parts: readonly Pick<NabScore, 'gained' | 'windows'>[], { missed }: NabProfile): number {
  const windows = parts.reduce((sum, part) => sum + part.windows, 0);
  return (100 * parts.reduce((sum, part) => sum + part.gained, 0)) / (windows * (1 + missed));
}

const DRAWS = 1000;

function interval(
  scored: readonly ScoredSeries[],
  judging: { readonly profile: NabProfile; readonly threshold: number },
): { readonly low: number; readonly high: number } {
  const random = new SeededRandom(1);
  const each = scored.map((one) => nabScore([one], judging));
  const draws = Array.from({ length: DRAWS }, () =>
    pooled(
      each.flatMap(() => each[random.below(each.length)] ?? []),
      judging.profile,
    ),
  );
  const sorted = draws.filter(Number.isFinite).toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975) };
}
