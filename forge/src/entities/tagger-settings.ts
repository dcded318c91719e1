// Owns the settings of training a tagger, as recipes spell them, with their defaults. It never reads a file.
import { z } from 'zod';

const share = z.number().min(0).max(0.95);

/** Settings of training a tagger. */
export const taggerTrainingSchema = z.strictObject({
  epochs: z.int().min(1).max(1000).default(30),
  /** Steps of an epoch, whose texts are drawn by the shares of their sources; without it an epoch is each text once. */
  stepsPerEpoch: z.int().min(1).max(100_000).optional(),
  batchSize: z.int().min(1).max(4096).default(64),
  /** Highest learning rate; reached after the warm-up, then a half cosine down to 0 at the last step. */
  learningRate: z.number().positive().max(1).default(2e-3),
  warmUpSteps: z.int().min(0).default(200),
  weightDecay: z.number().min(0).max(1).default(1e-3),
  /** Weight of the intent's loss beside that of the tags. */
  intentWeight: z.number().min(0).max(10).default(0.5),
  labelSmoothing: share.default(0.1),
  tagSmoothing: share.default(0),
  /** Share of units dropped, in every layer. */
  dropout: share.default(0.3),
  /** Share of feature rows dropped from each token, and share of tokens that lose all. */
  featureDropout: share.default(0.1),
  wordDropout: share.default(0.1),
  /** Shares of texts, and of the entities in those, that get another value of their type. */
  swap: z
    .strictObject({ texts: share.default(0.5), entities: share.default(0.5), invented: share.default(0) })
    .prefault({}),
  /** Epochs without a better validation score after which training ends. */
  patience: z.int().min(1).default(30),
});

/** Settings of training a tagger with every default filled in. */
export type TaggerTrainingSettings = z.infer<typeof taggerTrainingSchema>;
