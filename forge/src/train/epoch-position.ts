// Owns where a run stands between epochs: which one is next, which was the best, whether it is over. It never trains.
import { z } from 'zod';

/** A position as checkpoints keep it. */
export const epochPositionSchema = z.object({
  /** Epochs that are done. */
  epoch: z.int().min(0),
  best: z.number(),
  /** The epoch of the best value, counted from 1. */
  bestEpoch: z.int().min(0),
  finished: z.boolean(),
});

/** Where a run stands. */
export type EpochPosition = z.infer<typeof epochPositionSchema>;

/** Before the first epoch. */
export const RUN_START: EpochPosition = { epoch: 0, best: -1, bestEpoch: 0, finished: false };

/** The position after an epoch whose network has this value; a run ends when it is over or has not become better for long. */
export function afterEpoch(
  position: EpochPosition,
  value: number,
  { epochs, patience }: { readonly epochs: number; readonly patience: number },
): EpochPosition {
  const epoch = position.epoch + 1;
  const better = value > position.best;
  const bestEpoch = better ? epoch : position.bestEpoch;
  const finished = epoch >= epochs || epoch - bestEpoch >= patience;
  return { epoch, best: better ? value : position.best, bestEpoch, finished };
}

/** Whether the last epoch was the best so far. */
export const isBest = ({ epoch, bestEpoch }: EpochPosition): boolean => epoch === bestEpoch;
