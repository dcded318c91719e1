// Owns the settings of training one tower, as recipes spell them, with their defaults. It never reads a file.
import { z } from 'zod';

const part = z.number().min(0).max(100);
const share = z.number().min(0).max(0.95);

/** Settings of training; defaults are those that worked best for a single tower without a teacher. */
export const trainingSettingsSchema = z.strictObject({
  epochs: z.int().min(1).max(1000).default(20),
  /** Steps of an epoch; 0 (the default) for as many as show every labelled text once. */
  stepsPerEpoch: z.int().min(0).default(0),
  batchSize: z.int().min(1).max(4096).default(128),
  /** Highest learning rate; reached after the warm-up, then a half cosine down to 0 at the last step. */
  learningRate: z.number().positive().max(1).default(3e-3),
  warmUpSteps: z.int().min(0).default(200),
  weightDecay: z.number().min(0).max(1).default(1e-4),
  labelSmoothing: share.default(0.1),
  /** Share of units dropped before and after the hidden layer. */
  dropout: share.default(0.3),
  /** Share of feature rows dropped from each text, and share of its words. */
  featureDropout: share.default(0.2),
  wordDropout: share.default(0.1),
  /** Share of texts one of whose words is misspelt. */
  misspellings: share.default(0),
  /** Weight of a text out of scope, which should be equally unlikely to be of any class. */
  outOfScopeWeight: z.number().min(0).max(10).default(0.5),
  /** Weight of the label against the teacher, where a text has both. */
  hardWeight: z.number().min(0).max(1).default(0.25),
  /** Share of the words of texts without label that are hidden and guessed, and the weight of guessing; encoders only. */
  hiddenWords: share.default(0.2),
  hiddenWeight: z.number().min(0).max(10).default(0.5),
  /** Epochs without a better validation accuracy after which training ends. */
  patience: z.int().min(1).default(6),
  /** Parts of each batch, relative to each other: the labelled files, grammars, texts out of scope, unlabelled texts. */
  shares: z
    .strictObject({
      labelled: part.default(1),
      grammars: part.default(0.8),
      outOfScope: part.default(0.2),
      unlabelled: part.default(1),
    })
    .prefault({}),
});

/** Settings of training with every default filled in. */
export type TrainingSettings = z.infer<typeof trainingSettingsSchema>;

/** The learning rate of step `step` (from 0) of `steps`. */
export function scheduledRate(
  { learningRate, warmUpSteps }: Pick<TrainingSettings, 'learningRate' | 'warmUpSteps'>,
  step: number,
  steps: number,
): number {
  if (step < warmUpSteps) return (learningRate * (step + 1)) / warmUpSteps;
  const progress = (step - warmUpSteps) / Math.max(steps - warmUpSteps, 1);
  return (learningRate * (1 + Math.cos(Math.PI * Math.min(progress, 1)))) / 2;
}
