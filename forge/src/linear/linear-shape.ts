// Owns what a linear teacher is made of: the settings of its terms, and its weights. A teacher of another make than networks
// over hashed rows errs on other texts, which is what an ensemble lives of. It never trains.
import { z } from 'zod';

const charCount = z.int().min(1).max(8);

/** The network section of a recipe of a linear teacher: which terms of texts it knows. */
export const linearSettingsSchema = z
  .strictObject({
    kind: z.literal('linear'),
    /** Words of the longest run of words that is a term. */
    wordMax: z.int().min(1).max(4).default(2),
    /** Characters of the n-grams within a word that has a blank before and after it. */
    charMin: charCount.default(2),
    charMax: charCount.default(5),
    /** Texts that a term must occur in. */
    documentsMin: z.int().min(1).default(2),
    /** Most terms of words, and as many of characters: those of the most texts. */
    termsMax: z
      .int()
      .min(16)
      .max(1 << 17)
      .default(1 << 16),
  })
  .refine(({ charMin, charMax }) => charMin <= charMax, {
    path: ['charMin'],
    error: 'must not be greater than charMax',
  });

/** Which terms a linear teacher knows. */
export type LinearSettings = z.infer<typeof linearSettingsSchema>;

/** The terms that have a column, words first, and the weight of each column: its smoothed inverse document frequency. */
export interface Terms {
  readonly words: readonly string[];
  readonly characters: readonly string[];
  readonly idf: Float32Array;
}

/** A trained linear teacher: `table` is [terms + 1, classes], row major; its last row is the bias. */
export interface Linear {
  readonly settings: LinearSettings;
  readonly terms: Terms;
  readonly classes: number;
  readonly table: Float32Array;
}
