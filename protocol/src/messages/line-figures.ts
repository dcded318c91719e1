/**
 * What one version of a line has done on a device since that device began to run it: counts and quantiles, never input.
 * They travel in beats. Owns the form; what a figure means for a rollout is the controller's.
 */
import { z } from 'zod';
import { SCORE_BINS } from '../limits/models.ts';
import { countSchema } from './vocabulary.ts';

/** Counts since this process began to run this very digest; a restart begins at 0 again, and `instance` says so. */
export const lineFiguresSchema = z.object({
  /** Texts decided, or windows scored. */
  decisions: countSchema,
  /** Of these, unsure ones: in scope, perhaps another label. */
  unsure: countSchema,
  outOfScope: countSchema,
  /** Offered to a bigger tier. */
  offloaded: countSchema,
  /** Answers of a bigger tier that knew, and of these the ones that say what this version had said. */
  compared: countSchema,
  agreed: countSchema,
  /** Inputs on which the model failed, though they were well formed. */
  errors: countSchema,
  /** Input to decision, microseconds; each is the upper edge of a step of 9 %. Zeros before the first decision. */
  micros: z.object({ p50: z.number().min(0), p95: z.number().min(0), p99: z.number().min(0) }),
  /** How many confidences fell into each tenth from 0 to 1. */
  scores: z.array(countSchema).length(SCORE_BINS),
  /** Left out unless the version before runs beside this one, is to, or has. */
  pairs: z
    .object({
      /** Inputs that the version before ran, too. */
      inputs: countSchema,
      /**
       * Of these, ones that count as judged: on which both said something else and a bigger tier knew, and of those on which
       * both said the same a share as large as it knew of the others. It falls when answers do not come.
       */
      judged: countSchema,
      /** Of these, ones on which it found just the new version right, or just the one before. */
      newRight: countSchema,
      oldRight: countSchema,
    })
    .optional(),
});

export type LineFigures = z.infer<typeof lineFiguresSchema>;
