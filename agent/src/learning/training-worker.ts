/**
 * Program of the training thread: trains one head and ends. Begun for a round only, since ONNX Runtime costs some 9 MB a thread. Breathes
 * between slices so that it hears when it shall stop, and leaves the processor to whoever answers. Never sees a text.
 */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, toNanofleetError } from '@nanofleet/protocol';
import { loadEngine, trainHead } from '@nanofleet/runtime/node';
import { pause } from '@nanofleet/runtime/ports';
import { systemClock } from '../ports/system-clock.ts';
import type { TrainingOutcome, TrainingTask } from './thread-trainer.ts';

/** Rest after each slice of at most 50 ms. */
const REST_MS = 5;

assert(parentPort !== null, 'this program is a thread');
const port = parentPort;
const abort = new AbortController();
port.on('message', () => abort.abort());

/** On Linux a thread has a priority of its own; elsewhere the rests have to do. */
const stepBack = (): void => {
  if (process.platform !== 'linux') return;
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
};

const run = async (): Promise<TrainingOutcome> => {
  try {
    stepBack();
    const { engine, training } = workerData as TrainingTask;
    const trained = await trainHead(training, {
      engine: loadEngine(engine),
      monotonicMicros: () => systemClock.monotonicMicros(),
      breathe: () => pause(systemClock, REST_MS),
      signal: abort.signal,
    });
    return { trained };
  } catch (thrown) {
    const { code, message } = toNanofleetError(thrown);
    return { failed: { code, message } };
  }
};

void run().then((outcome) => {
  port.postMessage(outcome);
  port.close();
});
