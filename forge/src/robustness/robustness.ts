// Owns measuring a text bundle under disturbances: the same texts, clean and disturbed, by whole decisions as a device makes
// them. It never changes a bundle and keeps no text.
import { auroc, type Interval, type TextRunner, wilsonInterval } from '@nanofleet/runtime';
import { type CheckedBundle, inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { type Judged, judge } from '../bundle/evaluate-bundle.ts';
import { type LabelledText, OUT_OF_SCOPE_LABEL, readLabelledTexts } from '../datasets/labelled-texts.ts';
import { aurocInterval } from './auroc-interval.ts';
import { DISTURBANCES, type Disturbance, disturbed } from './disturbances.ts';

/** A figure 0..1 with its 95 % interval. */
export interface Figure extends Interval {
  readonly value: number;
}

/** Figures under one disturbance; null where no text of that kind was given, or none was sure. */
export interface RobustnessRow {
  readonly disturbance: string;
  /** Share of all texts that differ from the clean ones. */
  readonly changed: number;
  readonly accuracy: Figure | null;
  /** Accuracy against the clean texts, -1..1. */
  readonly accuracyChange: number | null;
  /** Share of in-scope texts that the shipped thresholds call sure, and how many of those are right. */
  readonly sure: Figure | null;
  readonly accuracyWhenSure: Figure | null;
  /** In-scope and out-of-scope texts are disturbed alike. */
  readonly auroc: Figure | null;
}

/** What was measured; the first row is of clean texts. */
export interface Robustness {
  readonly bundle: { readonly line: string; readonly version: string; readonly digest: string };
  readonly seed: number;
  readonly inScope: number;
  readonly outOfScope: number;
  readonly rows: readonly RobustnessRow[];
}

/** What to measure; `nowMs` is a monotonic clock with fractions. */
export interface RobustnessInput {
  readonly bundle: string;
  readonly files: readonly string[];
  readonly seed: number;
  readonly nowMs: () => number;
  /** Told of each row before it is measured. */
  readonly measuring: (disturbance: string) => void;
}

type PlacedText = LabelledText & { readonly file: string };

const CLEAN: Disturbance = { name: 'clean', change: (text) => text };

/**
 * Measures a bundle; texts labelled `oos` are out of scope.
 * @throws NanofleetError TRAINING_SET_INVALID for a malformed line or a label that the model does not have, with file and line
 */
export async function measureRobustness(input: RobustnessInput): Promise<Robustness> {
  const checked = await inspectBundle(input.bundle);
  const texts = await placedTexts(input.files);
  const runner = await loadTextRunner(checked);
  try {
    const rows: RobustnessRow[] = [];
    for (const disturbance of [CLEAN, ...DISTURBANCES]) {
      input.measuring(disturbance.name);
      rows.push(await measureRow(runner, { texts, disturbance, input, clean: rows[0] }));
    }
    return summary(checked, { texts, rows, seed: input.seed });
  } finally {
    await runner.release();
  }
}

async function placedTexts(files: readonly string[]): Promise<PlacedText[]> {
  const texts: PlacedText[] = [];
  for (const file of files) {
    for (const example of await readLabelledTexts(file)) texts.push({ ...example, file });
  }
  return texts;
}

async function measureRow(
  runner: TextRunner,
  options: {
    readonly texts: readonly PlacedText[];
    readonly disturbance: Disturbance;
    readonly input: RobustnessInput;
    readonly clean: RobustnessRow | undefined;
  },
): Promise<RobustnessRow> {
  const { texts, disturbance, clean } = options;
  const { seed, nowMs } = options.input;
  const judged: Judged[] = [];
  let changed = 0;
  for (const [number, { file, ...example }] of texts.entries()) {
    const text = disturbed(example.text, { disturbance, seed, number });
    if (text !== example.text) changed += 1;
    judged.push(await judge(runner, { example: { ...example, text }, file, nowMs }));
  }
  return row(judged, { disturbance: disturbance.name, changed: changed / texts.length, clean });
}

function row(
  judged: readonly Judged[],
  facts: {
    readonly disturbance: string;
    readonly changed: number;
    readonly clean: RobustnessRow | undefined;
  },
): RobustnessRow {
  const { disturbance, changed, clean } = facts;
  const inScope = judged.filter(isInScope);
  const sure = inScope.filter(({ scored }) => scored.verdict === 'sure');
  const right = shareOf(inScope.filter(isRight).length, inScope.length);
  const before = clean === undefined ? right : clean.accuracy;
  return {
    disturbance,
    changed: rounded(changed),
    accuracy: right,
    accuracyChange: right === null || before === null ? null : rounded(right.value - before.value),
    sure: shareOf(sure.length, inScope.length),
    accuracyWhenSure: shareOf(sure.filter(isRight).length, sure.length),
    auroc: areaOf(judged),
  };
}

const isInScope = ({ gold }: Judged): boolean => gold !== OUT_OF_SCOPE_LABEL;
const isRight = ({ gold, scored }: Judged): boolean => scored.label === gold;

function shareOf(some: number, all: number): Figure | null {
  return all === 0 ? null : figure(some / all, wilsonInterval(some, all));
}

function areaOf(judged: readonly Judged[]): Figure | null {
  const scores = (texts: readonly Judged[]): number[] => texts.map(({ scored }) => scored.outOfScope);
  const inScope = scores(judged.filter(isInScope));
  const outOfScope = scores(judged.filter((one) => !isInScope(one)));
  if (inScope.length === 0 || outOfScope.length === 0) return null;
  const area = auroc({ inScope, outOfScope });
  return figure(area, aurocInterval(area, { inScope: inScope.length, outOfScope: outOfScope.length }));
}

const figure = (value: number, { low, high }: Interval): Figure => ({
  value: rounded(value),
  low: rounded(low),
  high: rounded(high),
});

const rounded = (value: number): number => Number(value.toFixed(4));

function summary(
  { manifest, digest }: CheckedBundle,
  facts: {
    readonly texts: readonly PlacedText[];
    readonly rows: readonly RobustnessRow[];
    readonly seed: number;
  },
): Robustness {
  const { texts, rows, seed } = facts;
  const outOfScope = texts.filter(({ label }) => label === OUT_OF_SCOPE_LABEL).length;
  return {
    bundle: { line: manifest.line, version: manifest.version, digest },
    seed,
    inScope: texts.length - outOfScope,
    outOfScope,
    rows,
  };
}
