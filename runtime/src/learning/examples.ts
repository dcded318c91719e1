/**
 * Owns how labelled examples that judge a candidate are split: one half measures accuracy, the other half calibrates and
 * gives prototypes, so that no figure is taken on what it was fitted to. By the text alone: the same text is on the same
 * side for ever, however the set grows. Never looks at meaning.
 */
import { FNV_OFFSET, fnvString, spread } from '../text/hash.ts';

/** Label of examples that are none of a model's labels. */
export const OUT_OF_SCOPE_LABEL = 'oos';

/** A text and its label, OUT_OF_SCOPE_LABEL for none. */
export interface LabelledExample {
  readonly text: string;
  readonly intent: string;
}

/** The two halves. */
export interface SplitExamples<E> {
  readonly evaluation: E[];
  readonly calibration: E[];
}

/** Splits examples; about half of each label's go to either side. */
export function splitExamples<E extends LabelledExample>(examples: readonly E[]): SplitExamples<E> {
  const isEvaluation = ({ text }: E): boolean => spread(fnvString(FNV_OFFSET, text)) % 2 === 0;
  return {
    evaluation: examples.filter(isEvaluation),
    calibration: examples.filter((example) => !isEvaluation(example)),
  };
}
