// Owns counting what a model decides of the texts that its maker learned from, for offsets of certified thresholds. It never runs
// on texts that certify.
import { argMax, type DecidedCounts } from '@nanofleet/runtime';

/** A text with the number of its label. */
export interface NumberedText {
  readonly text: string;
  readonly label: number;
}

/** Counts, of each label of a model with so many, the texts decided for it and the wrong ones among them. */
export async function decidedCounts(
  texts: Iterable<NumberedText>,
  {
    classes,
    logitsOf,
  }: { readonly classes: number; readonly logitsOf: (text: string) => Promise<Float32Array> },
): Promise<DecidedCounts> {
  const decided = Array.from({ length: classes }, () => 0);
  const wrong = Array.from({ length: classes }, () => 0);
  for (const { text, label } of texts) {
    const found = argMax(await logitsOf(text));
    decided[found] = (decided[found] ?? 0) + 1;
    if (found !== label) wrong[found] = (wrong[found] ?? 0) + 1;
  }
  return { decided, wrong };
}
