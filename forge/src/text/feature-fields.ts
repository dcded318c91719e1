// Owns the fields of a recipe's network that say which features a text has. It never computes one.
import { z } from 'zod';

/** Features of networks that read hashed words and n-grams. */
export const featureFields = {
  buckets: z
    .int()
    .min(16)
    .max(1 << 22),
  charMin: z.int().min(1).max(8),
  charMax: z.int().min(1).max(8),
  wordBigrams: z.boolean().default(true),
  rowsMax: z.int().min(1).max(8192).default(2048),
  /** Rows that each feature has. */
  hashes: z.union([z.literal(1), z.literal(2)]).default(1),
};
