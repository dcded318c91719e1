// Judges one bundle on one split, whole: from the text to the decision as a device makes it. It fits nothing to what it
// judges.
import { SeededRandom, spanScore } from '@nanofleet/forge';
import {
  auroc,
  expectedCalibrationError,
  fpr95,
  type Interval,
  type Scored,
  type TextRunner,
  wilsonInterval,
} from '@nanofleet/runtime';
import type { JudgedText, LabelledSplit } from './labelled-sets.ts';

/** A figure with its 95 % interval; shares are 0..1. */
export interface Measured extends Interval {
  readonly value: number;
}

/** What a bundle does on a split. */
export interface JudgedSplit {
  readonly set: string;
  readonly split: string;
  readonly texts: number;
  readonly accuracy: Measured;
  readonly expectedCalibrationError: number;
  readonly outOfScope?: { readonly texts: number; readonly auroc: Measured; readonly fpr95: Measured };
  /** Strict spans. */
  readonly entities?: { readonly f1: number; readonly precision: number; readonly recall: number };
}

/** Resampled sets behind an interval. */
const RESAMPLES = 300;

/** Runs every text of a split. */
export async function judgeSplit(runner: TextRunner, split: LabelledSplit): Promise<JudgedSplit> {
  const inScope = await decisions(
    runner,
    split.inScope.map(({ text }) => text),
  );
  const outOfScope = await decisions(runner, split.outOfScope);
  const isRight = inScope.map(({ label }, at) => label === split.inScope[at]?.intent);
  const right = isRight.filter(Boolean).length;
  return {
    set: split.set,
    split: split.split,
    texts: inScope.length,
    accuracy: { value: right / inScope.length, ...wilsonInterval(right, inScope.length) },
    expectedCalibrationError: expectedCalibrationError(
      inScope.map(({ confidence }) => confidence),
      isRight,
    ),
    ...(outOfScope.length === 0 ? {} : { outOfScope: judgedScope(inScope, outOfScope) }),
    ...entitiesOf(split.inScope, inScope),
  };
}

async function decisions(runner: TextRunner, texts: readonly string[]): Promise<Scored[]> {
  const made: Scored[] = [];
  for (const text of texts) made.push(await runner.decide(text));
  return made;
}

function judgedScope(
  inScope: readonly Scored[],
  outOfScope: readonly Scored[],
): NonNullable<JudgedSplit['outOfScope']> {
  const scores = {
    inScope: inScope.map((scored) => scored.outOfScope),
    outOfScope: outOfScope.map((scored) => scored.outOfScope),
  };
  return {
    texts: outOfScope.length,
    auroc: resampled(scores, auroc),
    fpr95: resampled(scores, fpr95),
  };
}

interface Groups {
  readonly inScope: readonly number[];
  readonly outOfScope: readonly number[];
}

// Percentile bootstrap (Efron 1979), both groups drawn anew each time.
function resampled(groups: Groups, figure: (groups: Groups) => number): Measured {
  const random = new SeededRandom(1, 'bootstrap');
  const drawn = (from: readonly number[]): number[] => from.map(() => from[random.below(from.length)] ?? 0);
  const values = Array.from({ length: RESAMPLES }, () =>
    figure({ inScope: drawn(groups.inScope), outOfScope: drawn(groups.outOfScope) }),
  ).toSorted((a, b) => a - b);
  const at = (share: number): number => values[Math.floor(share * (RESAMPLES - 1))] ?? 0;
  return { value: figure(groups), low: at(0.025), high: at(0.975) };
}

function entitiesOf(
  texts: readonly JudgedText[],
  scored: readonly Scored[],
): Pick<JudgedSplit, 'entities'> | Record<string, never> {
  if (!texts.some(({ entities }) => entities) || scored[0]?.entities === undefined) return {};
  const { f1, precision, recall } = spanScore(
    texts.map(({ entities }, at) => ({ marked: entities ?? [], found: scored[at]?.entities ?? [] })),
  );
  return { entities: { f1, precision, recall } };
}
