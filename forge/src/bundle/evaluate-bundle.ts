// Owns judging a text bundle on labelled texts, whole: from the text to the decision, as a device runs it.
// It never changes a bundle and keeps no text.
import { NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import {
  auroc,
  expectedCalibrationError,
  fpr95,
  quantile,
  type Scored,
  type TextRunner,
} from '@nanofleet/runtime';
import { type CheckedBundle, inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { type LabelledText, OUT_OF_SCOPE_LABEL, readLabelledTexts } from '../datasets/labelled-texts.ts';

/** Figures of an evaluation; shares are 0..1, null where no text of that kind was given. */
export interface Evaluation {
  readonly bundle: {
    readonly line: string;
    readonly version: string;
    readonly digest: string;
    readonly bytes: number;
  };
  readonly inScope: {
    readonly count: number;
    readonly accuracy: number | null;
    /** Share that the shipped thresholds call sure, and how many of those are right. */
    readonly sure: number | null;
    readonly accuracyWhenSure: number | null;
    readonly expectedCalibrationError: number | null;
  };
  readonly outOfScope: {
    readonly count: number;
    readonly auroc: number | null;
    readonly fpr95: number | null;
    /** Share that the shipped thresholds do not call sure. */
    readonly notSure: number | null;
  };
  /** Text to decision, one at a time, microseconds. */
  readonly latency: { readonly p50: number; readonly p99: number };
}

/** What to evaluate with; `nowMs` is a monotonic clock with fractions. */
export interface EvaluationInput {
  readonly bundle: string;
  readonly files: readonly string[];
  readonly nowMs: () => number;
}

/** What became of one text. */
export interface Judged {
  readonly gold: string;
  readonly scored: Pick<Scored, 'label' | 'confidence' | 'outOfScope' | 'verdict'>;
  readonly microseconds: number;
}

/**
 * Evaluates a bundle; texts labelled `oos` are out of scope.
 * @throws NanofleetError TRAINING_SET_INVALID for a malformed line or a label that the model does not have, with file and line
 */
export async function evaluateBundle({ bundle, files, nowMs }: EvaluationInput): Promise<Evaluation> {
  const checked = await inspectBundle(bundle);
  const runner = await loadTextRunner(checked);
  try {
    const judged: Judged[] = [];
    for (const file of files) {
      for (const example of await readLabelledTexts(file))
        judged.push(await judge(runner, { example, file, nowMs }));
    }
    return summary(checked, judged);
  } finally {
    await runner.release();
  }
}

/** Decides on one text as a device would. @throws NanofleetError TRAINING_SET_INVALID with file and line */
export async function judge(
  runner: TextRunner,
  {
    example,
    file,
    nowMs,
  }: { readonly example: LabelledText; readonly file: string; readonly nowMs: () => number },
): Promise<Judged> {
  const { label: gold, line, text } = example;
  const facts = { file, line };
  if (gold !== OUT_OF_SCOPE_LABEL && !runner.labels.includes(gold)) {
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `${file}, line ${line}: intent ${gold} is none of the model's ${runner.labels.length} labels and not "oos"`,
      { facts },
    );
  }
  const start = nowMs();
  try {
    const { label, confidence, outOfScope, verdict } = await runner.decide(text);
    return {
      gold,
      scored: { label, confidence, outOfScope, verdict },
      microseconds: (nowMs() - start) * 1000,
    };
  } catch (thrown) {
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `${file}, line ${line}: ${toNanofleetError(thrown).message}`,
      { cause: thrown, facts },
    );
  }
}

function summary({ manifest, digest }: CheckedBundle, judged: readonly Judged[]): Evaluation {
  const inScope = judged.filter(({ gold }) => gold !== OUT_OF_SCOPE_LABEL);
  const outOfScope = judged.filter(({ gold }) => gold === OUT_OF_SCOPE_LABEL);
  const latency = judged.map(({ microseconds }) => microseconds);
  return {
    bundle: { line: manifest.line, version: manifest.version, digest, bytes: manifest.cost.bytes },
    inScope: inScopeFigures(inScope),
    outOfScope: outOfScopeFigures(inScope, outOfScope),
    latency: { p50: rounded(quantile(latency, 0.5), 1), p99: rounded(quantile(latency, 0.99), 1) },
  };
}

const isRight = ({ gold, scored }: Judged): boolean => scored.label === gold;
const isSure = ({ scored }: Judged): boolean => scored.verdict === 'sure';

function inScopeFigures(judged: readonly Judged[]): Evaluation['inScope'] {
  const sure = judged.filter(isSure);
  return {
    count: judged.length,
    accuracy: shareOf(judged, isRight),
    sure: shareOf(judged, isSure),
    accuracyWhenSure: shareOf(sure, isRight),
    expectedCalibrationError:
      judged.length === 0
        ? null
        : rounded(
            expectedCalibrationError(
              judged.map(({ scored }) => scored.confidence),
              judged.map(isRight),
            ),
          ),
  };
}

function outOfScopeFigures(
  inScope: readonly Judged[],
  outOfScope: readonly Judged[],
): Evaluation['outOfScope'] {
  const groups = {
    inScope: inScope.map(({ scored }) => scored.outOfScope),
    outOfScope: outOfScope.map(({ scored }) => scored.outOfScope),
  };
  const both = inScope.length > 0 && outOfScope.length > 0;
  return {
    count: outOfScope.length,
    auroc: both ? rounded(auroc(groups)) : null,
    fpr95: both ? rounded(fpr95(groups)) : null,
    notSure: shareOf(outOfScope, (one) => !isSure(one)),
  };
}

function shareOf(judged: readonly Judged[], test: (one: Judged) => boolean): number | null {
  return judged.length === 0 ? null : rounded(judged.filter(test).length / judged.length);
}

function rounded(value: number, digits = 4): number {
  return Number(value.toFixed(digits));
}
