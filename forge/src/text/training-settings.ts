// Owns the settings of training one tower, as recipes spell them, with their defaults. It never reads a file.
import { z } from 'zod';

const share = z.number().min(0).max(0.95);

/** Settings of training; defaults are those that worked best for a single tower without a teacher. */
export const trainingSettingsSchema = z.strictObject({
  epochs: z.int().min(1).max(1000).default(20),
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
  /** Epochs without a better validation accuracy after which training ends. */
  patience: z.int().min(1).default(6),
});

/** Settings of training with every default filled in. */
export type TrainingSettings = z.infer<typeof trainingSettingsSchema>;

/** How a tower learns from a teacher: all texts by the teacher's logits, labelled ones by their label, too. */
export const distillationSettingsSchema = z.strictObject({
  temperature: z.number().positive().max(100).default(2),
  /** Share of labelled texts in a batch; the others are unlabelled. */
  labelledShare: z.number().min(0).max(1).default(0.4),
  /** Weight of the labels against the teacher. */
  hardWeight: z.number().min(0).max(10).default(0.3),
  stepsPerEpoch: z.int().min(1).default(300),
});

/** Settings of distillation with every default filled in. */
export type DistillationSettings = z.infer<typeof distillationSettingsSchema>;

/** The learning rate of step `step` (from 0) of `steps`. */
export function scheduledRate(
  { learningRate, warmUpSteps }: TrainingSettings,
  step: number,
  steps: number,
): number {
  if (step < warmUpSteps) return (learningRate * (step + 1)) / warmUpSteps;
  const progress = (step - warmUpSteps) / Math.max(steps - warmUpSteps, 1);
  return (learningRate * (1 + Math.cos(Math.PI * Math.min(progress, 1)))) / 2;
}
