/**
 * Owns setting a text bundle beside its parent on labelled texts, whole: golden vectors of both, accuracy by kind of label
 * and by label, codes that changed. What a publisher looks at before signing. Never changes a bundle.
 */
import { NanofleetError, type RoundAccuracy } from '@nanofleet/protocol';
import { showsBroken } from '../certify.ts';
import { changedCodes } from '../learning/candidate-head.ts';
import { type LabelledExample, OUT_OF_SCOPE_LABEL } from '../learning/examples.ts';
import {
  accuracyBy,
  type ComputedExample,
  type KeptCounts,
  keptCounts,
  rightByLabel,
  type Scoring,
} from '../learning/judge.ts';
import { loadTextRunner } from './load-runner.ts';
import { computeExamples, fileOf, textManifestOf } from './make-candidate.ts';
import { TextModel } from './text-model.ts';
import type { CheckedBundle } from './verify-bundle.ts';

/** What is compared; `breathe` is called between slices of a millisecond. */
export interface Comparing {
  readonly parent: CheckedBundle;
  readonly candidate: CheckedBundle;
  readonly examples: readonly LabelledExample[];
  readonly breathe: () => Promise<void>;
}

/** How a label fared: texts, and the share that is right. */
export interface LabelComparison {
  readonly label: string;
  readonly texts: number;
  readonly before: number;
  readonly after: number;
}

/** A candidate beside its parent. */
export interface Comparison {
  /** Labels that the parent does not have. */
  readonly added: string[];
  /** Null when no example was given. */
  readonly accuracy: { readonly before: RoundAccuracy; readonly after: RoundAccuracy } | null;
  /** By label, the greatest loss first. */
  readonly labels: LabelComparison[];
  /** Examples of labels that the candidate does not have. */
  readonly leftOut: number;
  /** Share of the parent's head codes that are other ones. */
  readonly changedShare: number;
  /** What the examples show of the bound that the candidate states; null when it states none, or no example was given. */
  readonly bound: BoundCheck | null;
}

/** Counts of what a bound is about, and whether they show that it does not hold. */
export interface BoundCheck extends KeptCounts {
  readonly isBroken: boolean;
}

/**
 * Compares; both bundles must reproduce their golden vectors.
 * @throws NanofleetError GOLDEN_MISMATCH, MODEL_LOAD_FAILED, LINE_TASK_WRONG, DIGEST_MISMATCH when the candidate has another parent
 */
export async function compareBundles({
  breathe,
  candidate,
  examples,
  parent,
}: Comparing): Promise<Comparison> {
  if (candidate.manifest.parent !== parent.digest) throw otherParent(candidate, parent);
  for (const bundle of [parent, candidate]) await (await loadTextRunner(bundle)).release();
  const labels = candidate.manifest.labels.names;
  const added = labels.filter((label) => !parent.manifest.labels.names.includes(label));
  const usable = examples.filter(({ intent }) => intent === OUT_OF_SCOPE_LABEL || labels.includes(intent));
  const [before, after] = [
    await computed(parent, { examples: usable, breathe }),
    await computed(candidate, { examples: usable, breathe }),
  ];
  const judge = (bundle: CheckedBundle, of: ComputedExample[]) => {
    const { calibration, thresholds } = bundle.manifest;
    return { of, scoring: { calibration, thresholds, labels: bundle.manifest.labels.names } };
  };
  const [judgedBefore, judgedAfter] = [judge(parent, before), judge(candidate, after)];
  return {
    added,
    accuracy:
      usable.length === 0
        ? null
        : {
            before: accuracyBy(judgedBefore.of, { added, scoring: judgedBefore.scoring }),
            after: accuracyBy(judgedAfter.of, { added, scoring: judgedAfter.scoring }),
          },
    labels: byLabel(rightByLabel(before, judgedBefore.scoring), rightByLabel(after, judgedAfter.scoring)),
    leftOut: examples.length - usable.length,
    changedShare: changedCodes(fileOf(parent, 'infer.int8'), fileOf(candidate, 'infer.int8')),
    bound: boundCheck(judgedAfter),
  };
}

function boundCheck({
  of,
  scoring,
}: {
  readonly of: readonly ComputedExample[];
  readonly scoring: Scoring;
}): BoundCheck | null {
  const { bound } = scoring.thresholds;
  if (bound === undefined || of.length === 0) return null;
  const counts = keptCounts(of, scoring);
  const isBroken =
    showsBroken(counts.wrongKept, bound.wrongKept) ||
    showsBroken(counts.outOfScopeKept, bound.outOfScopeKept);
  return { ...counts, isBroken };
}

async function computed(
  bundle: CheckedBundle,
  given: Pick<Comparing, 'examples' | 'breathe'>,
): Promise<ComputedExample[]> {
  const { line, text } = textManifestOf(bundle);
  const model = await TextModel.open(fileOf(bundle, 'infer.int8'), text, `a bundle of ${line}`);
  try {
    return await computeExamples(model, given);
  } finally {
    await model.release();
  }
}

type Tally = ReadonlyMap<string, { readonly texts: number; readonly right: number }>;

const byLabel = (before: Tally, after: Tally): LabelComparison[] =>
  [...after]
    .map(([label, { right, texts }]) => ({
      label,
      texts,
      before: (before.get(label)?.right ?? 0) / texts,
      after: right / texts,
    }))
    .sort((left, right) => left.after - left.before - (right.after - right.before));

const otherParent = (candidate: CheckedBundle, parent: CheckedBundle) =>
  new NanofleetError(
    'DIGEST_MISMATCH',
    `The candidate names ${candidate.manifest.parent ?? 'no parent'}, not ${parent.digest}.`,
  );
