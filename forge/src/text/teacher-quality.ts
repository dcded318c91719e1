// Owns judging what only teaches: how well its logits tell texts out of scope from the others, by the same score as a bundle's,
// fitted on the same texts. It never trains and makes no thresholds that anybody keeps.
import { calibrate } from '@nanofleet/runtime';
import { scoredQuality } from '../bundle/scored-quality.ts';
import type { RecipeTexts } from './recipe-texts.ts';

/** Says logits [texts, labels], row major. */
export type Answering = (texts: readonly string[]) => Promise<Float32Array>;

/** Shares, 0..1; null where the recipe names no text out of scope to report on. */
export interface TeacherQuality {
  readonly accuracy: number;
  readonly auroc: number | null;
}

/** Any: the score follows from its texts alone. */
const COVERAGE = { inScope: 0.97, sure: 0.9 };

/** Accuracy on the validation texts, and AUROC of these against the texts out of scope that the recipe reports on. */
export async function teacherQuality(
  answer: Answering,
  { labels, validation, outOfScopeTuning, outOfScopeReport }: RecipeTexts,
): Promise<TeacherQuality> {
  const rowsOf = async (texts: readonly string[]): Promise<Float32Array[]> => {
    const logits = await answer(texts);
    return texts.map((_, at) => logits.subarray(at * labels.length, (at + 1) * labels.length));
  };
  const judged = { inScope: await rowsOf(validation.texts), gold: validation.labels };
  const tuning = { ...judged, outOfScope: await rowsOf(outOfScopeTuning) };
  const scoring = calibrate(tuning, labels, COVERAGE);
  const report = { ...judged, outOfScope: await rowsOf(outOfScopeReport) };
  const { accuracy, auroc } = scoredQuality(report, { ...scoring, labels });
  return { accuracy, auroc: auroc ?? null };
}
