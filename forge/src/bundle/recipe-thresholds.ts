// Owns how a recipe says which thresholds its bundle gets, and getting them from texts that the model was not trained on. It
// never computes a logit.
import { NanofleetError } from '@nanofleet/protocol';
import {
  type CalibrationTexts,
  calibrate,
  calibrateForBound,
  type DecidedCounts,
  shortfallOf,
} from '@nanofleet/runtime';
import { z } from 'zod';

/** A bound for the thresholds to keep, certified on the texts of validation and tuning; without it they follow `coverage`. */
export const boundSchema = z.strictObject({
  wrongKept: z.number().gt(0).lt(1).default(0.02),
  outOfScopeKept: z.number().gt(0).lt(1).default(0.2),
  delta: z.number().gt(0).lt(1).default(0.1),
  /** So many further texts keep it as counted, too, not only the true shares: stricter. */
  next: z.strictObject({ inScope: z.int().min(1), outOfScope: z.int().min(1) }).optional(),
});

/** What a recipe says of trust. */
export interface TrustAsked {
  readonly name: string;
  readonly coverage: Parameters<typeof calibrate>[2];
  readonly bound?: z.infer<typeof boundSchema> | undefined;
  /** What the model decides of texts that it learned from; only a bound asks for it. */
  readonly apart: DecidedCounts;
}

/**
 * Fits temperature, score and thresholds. A bundle that cannot keep what its recipe promises is not made: other thresholds would
 * pretend.
 * @throws NanofleetError TRAINING_SET_INVALID if the texts do not show the bound
 */
export function recipeThresholds(
  texts: CalibrationTexts,
  labels: readonly string[],
  { name, coverage, bound, apart }: TrustAsked,
): ReturnType<typeof calibrate> {
  if (bound === undefined) return calibrate(texts, labels, coverage);
  const { calibration, thresholds, certified } = calibrateForBound(texts, labels, { coverage, bound, apart });
  if (certified.certified) return { calibration, thresholds };
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `recipe ${name} states a bound that its texts do not show: ${shortfallOf(bound, certified)} State a wider one or give more texts.`,
  );
}
