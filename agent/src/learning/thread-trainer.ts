/**
 * The real Trainer: a thread per head, which ends with it. Owns the thread's life, also when it is told to stop and when it dies; never
 * knows what is trained.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, NanofleetError } from '@nanofleet/protocol';
import type { EngineChoice, HeadTraining, TrainedHead } from '@nanofleet/runtime/node';
import { type Clock, pause } from '@nanofleet/runtime/ports';
import type { Trainer } from '../ports/trainer.ts';

/** What the thread is given. */
export interface TrainingTask {
  readonly training: HeadTraining;
  /** What runs the graph. */
  readonly engine: EngineChoice;
}

/** What the thread says at its end. */
export type TrainingOutcome =
  | { readonly trained: TrainedHead }
  | { readonly failed: { readonly code: ErrorCode; readonly message: string } };

/** A thread that does not end by itself within this is ended. */
const GRACE_MS = 2_000;
const HEAP_MB_MAX = 96;

/** Beside the agent's one file lies `training-worker.mjs`; a compiled tree has it as `.js`. */
const programUrl = (): URL =>
  new URL(
    import.meta.url.endsWith('.mjs') ? './training-worker.mjs' : './training-worker.js',
    import.meta.url,
  );

/**
 * Trains in threads.
 * @param options.program where the thread's program lies, when not beside this one
 */
export const makeThreadTrainer = (
  clock: Clock,
  { engine = 'auto', program = programUrl() }: { engine?: EngineChoice; program?: URL } = {},
): Trainer => ({
  train: async (training, signal) => {
    signal.throwIfAborted();
    const worker = new Worker(program, {
      workerData: { training, engine } satisfies TrainingTask,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    // Not `once` of node:events: its promise rejects with whatever error comes first.
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    const stop = (): void => worker.postMessage('stop');
    signal.addEventListener('abort', stop, { once: true });
    try {
      const outcome = await outcomeOf(worker);
      signal.throwIfAborted();
      if ('trained' in outcome) return outcome.trained;
      throw new NanofleetError(outcome.failed.code, outcome.failed.message);
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.race([ended, pause(clock, GRACE_MS)]);
      await worker.terminate();
    }
  },
});

const outcomeOf = (worker: Worker): Promise<TrainingOutcome> =>
  new Promise((resolve, reject) => {
    worker.once('message', (outcome: TrainingOutcome) => resolve(outcome));
    worker.once('error', (cause) => reject(died(cause)));
    worker.once('exit', (code) => reject(died(`exit ${code}`)));
  });

const died = (cause: unknown): NanofleetError =>
  new NanofleetError('TRAINING_FAILED', `the training thread ended early: ${String(cause)}`, { cause });
