/**
 * Jobs: each execution is done once, however often it is delivered. Owns what was done, on disk, bounded; never desired
 * state.
 */

import { type Job, type JobState, toNanofleetError, type Uuid } from '@nanofleet/protocol';
import type { Disk, Log } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';

const DONE_MAX = 64;
const doneSchema = z.array(z.object({ key: z.string(), status: z.enum(['succeeded', 'failed']) }));
type Done = z.infer<typeof doneSchema>;

/** What jobs can ask for. */
export type JobWork = Readonly<Record<Job['task'], () => void>>;

/** The jobs of a device. */
export class Jobs {
  readonly #options: { disk: Disk; path: string; work: JobWork; log: Log };
  #done: Done;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: { disk: Disk; path: string; work: JobWork; log: Log }) {
    this.#options = options;
    this.#done = readJsonFile(options.disk, options.path, doneSchema) ?? [];
  }

  /** Does a job unless its execution was done before; returns the state to tell. */
  take(id: Uuid, { execution, task }: Job): JobState {
    const key = `${id} ${execution}`;
    const before = this.#done.find((done) => done.key === key);
    if (before !== undefined) return { execution, status: before.status };
    const state = this.#attempt(execution, task);
    this.#note({ key, status: state.status === 'succeeded' ? 'succeeded' : 'failed' });
    return state;
  }

  #attempt(execution: number, task: Job['task']): JobState {
    try {
      this.#options.work[task]();
      return { execution, status: 'succeeded' };
    } catch (thrown) {
      const { code, message } = toNanofleetError(thrown);
      return { execution, status: 'failed', code, message };
    }
  }

  #note(done: Done[number]): void {
    this.#done = [...this.#done, done].slice(-DONE_MAX);
    try {
      writeJsonFile(this.#options.disk, this.#options.path, this.#done);
    } catch (thrown) {
      this.#options.log.warn('job-not-written', { why: String(thrown) });
    }
  }
}
