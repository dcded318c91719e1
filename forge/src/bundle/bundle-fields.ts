// Owns the fields that the section `bundle` of every recipe has: which release it is, and what its card says. It never reads a file.
import { lineIdSchema } from '@nanofleet/protocol';
import { z } from 'zod';

/** Which release of which line a bundle is. */
export const releaseFields = {
  line: lineIdSchema,
  version: z.string().min(1),
  releaseCounter: z.int().min(1),
};

/** What people are told. */
export const cardFields = {
  license: z.string().min(1),
  attribution: z.array(z.string().min(1)).default([]),
  /** What people should know, in sentences. */
  about: z.string().min(1),
  limits: z.array(z.string().min(1)).default([]),
};
