/** The Trainer port: a head to be trained in, a trained head out. Owns no thread; a rim gives one, the simulated fleet something lighter. */
import type { HeadTraining, TrainedHead } from '@nanofleet/runtime/node';

/** Trains heads. */
export interface Trainer {
  /**
   * Trains a head while this thread goes on answering.
   * @throws NanofleetError TRAINING_FAILED, or the signal's reason when it is aborted
   */
  train(training: HeadTraining, signal: AbortSignal): Promise<TrainedHead>;
}
