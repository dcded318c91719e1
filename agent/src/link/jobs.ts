/**
 * Jobs: the effect of each execution happens once, however often it is delivered and wherever the process dies. An intent
 * is on the disk before the effect, the end is on the disk before it is told. Never desired state.
 */

import { type Job, type JobState, NanofleetError, toNanofleetError, type Uuid } from '@nanofleet/protocol';
import { type Disk, isDiskFull, type Log } from '@nanofleet/runtime/ports';
import { readJsonFile, writeJsonFile } from '../store/json-file.ts';
import {
  delivered,
  EMPTY_LEDGER,
  ended,
  type JobEnd,
  type JobEntry,
  type JobLedger,
  type JobStep,
  jobKeyOf,
  jobStateOf,
  ledgerSchema,
} from './jobs.machine.ts';

/** What a task does, and what is true of it when the process died between its intent and its end. */
export interface JobWork {
  /**
   * `repeatable`: done again under the same key it changes nothing, so the next process does it before anything else.
   * `each-start`: every start does it, so it is done.
   * `next-start`: a start is what was asked for; it goes on until then.
   */
  readonly effect: 'repeatable' | 'each-start' | 'next-start';
  /** Why it cannot be done on this device; null when it can. */
  readonly refusal?: () => NanofleetError | null;
  /** Throws what it failed with; then it has had no effect. */
  readonly run: (key: string) => void;
}

/** What jobs need. */
export interface JobsOptions {
  readonly disk: Disk;
  readonly path: string;
  /** By task. */
  readonly work: Readonly<Record<string, JobWork>>;
  readonly desiredVersion: () => number;
  readonly log: Log;
}

/** The jobs of a device. */
export class Jobs {
  readonly #options: JobsOptions;
  #ledger: JobLedger;
  /** The ledger as the disk has it. */
  #written: JobLedger;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: JobsOptions) {
    this.#options = options;
    this.#ledger = readJsonFile(options.disk, options.path, ledgerSchema) ?? EMPTY_LEDGER;
    this.#written = this.#ledger;
  }

  /** Ends what an earlier process has begun. Before anything else changes what jobs change. */
  recover(): void {
    for (const entry of this.#ledger.entries.filter(({ status }) => status === 'begun')) {
      const work = this.#workOf(entry);
      const isDone = work === undefined || work.effect !== 'repeatable';
      this.#end(entry, isDone ? { status: 'succeeded' } : this.#attempt(work, entry));
    }
    this.settle();
  }

  /**
   * Does a job unless its execution was done before; returns the state to tell, null when there is nothing to tell yet.
   * @throws NanofleetError MESSAGE_MALFORMED for a job that has no place among those of the device
   */
  take(job: Uuid, body: Job): JobState | null {
    const { sequence } = body;
    if (sequence === undefined) throw new NanofleetError('MESSAGE_MALFORMED', 'a job came without its place');
    const desiredVersion = this.#options.desiredVersion();
    const { ledger, step } = delivered(
      this.#ledger,
      { job, body: { ...body, sequence } },
      { desiredVersion },
    );
    if (!this.#write(ledger)) return null;
    this.#ledger = ledger;
    return this.#follow(step, body.execution);
  }

  /** Writes the ends down that the disk had no room for. */
  settle(): void {
    this.#write(this.#ledger);
  }

  #follow(step: JobStep, execution: number): JobState | null {
    switch (step.to) {
      case 'begin':
        return this.#begin(step.entry);
      case 'tell':
        return this.#told(step.entry);
      case 'refuse':
        return { execution, status: 'rejected', code: step.code, message: step.why };
      case 'wait':
        this.#options.log.info('job-waits', { why: step.why });
        return null;
    }
  }

  #begin(entry: JobEntry): JobState {
    const work = this.#workOf(entry);
    const refusal = work === undefined ? unknownTask(entry.task) : (work.refusal?.() ?? null);
    if (work === undefined || refusal !== null) return this.#endAndTell(entry, rejected(refusal));
    const end = this.#attempt(work, entry);
    if (work.effect === 'next-start' && end.status === 'succeeded') return jobStateOf(entry);
    return this.#endAndTell(entry, end);
  }

  /** Undefined for a task of another version of the agent. */
  #workOf({ task }: JobEntry): JobWork | undefined {
    const { work } = this.#options;
    return Object.hasOwn(work, task) ? work[task] : undefined;
  }

  #attempt(work: JobWork, entry: JobEntry): JobEnd {
    try {
      work.run(jobKeyOf(entry));
      return { status: 'succeeded' };
    } catch (thrown) {
      const { code, message } = isDiskFull(thrown) ? noRoom(thrown) : toNanofleetError(thrown);
      return { status: 'failed', code, message: message.slice(0, 2_000) };
    }
  }

  #end(entry: JobEntry, end: JobEnd): void {
    this.#ledger = ended(this.#ledger, entry, end);
  }

  #endAndTell(entry: JobEntry, end: JobEnd): JobState {
    this.#end(entry, end);
    this.settle();
    return this.#told({ ...entry, ...end });
  }

  /** An end that the disk does not know yet is none: a crash would begin it again. */
  #told(entry: JobEntry): JobState {
    return jobStateOf(this.#written === this.#ledger ? entry : { ...entry, status: 'begun' });
  }

  #write(ledger: JobLedger): boolean {
    if (ledger === this.#written) return true;
    try {
      writeJsonFile(this.#options.disk, this.#options.path, ledger);
      this.#written = ledger;
      return true;
    } catch (thrown) {
      this.#options.log.warn('jobs-not-written', { why: String(thrown) });
      return false;
    }
  }
}

const unknownTask = (task: string): NanofleetError =>
  new NanofleetError('JOB_TASK_UNKNOWN', `this agent knows no task ${JSON.stringify(task)}; upgrade it`);

const noRoom = (cause: unknown): NanofleetError =>
  new NanofleetError('DISK_FULL', 'the disk has no room for what the job needs', { cause });

const rejected = (refusal: NanofleetError | null): JobEnd => ({
  status: 'rejected',
  ...(refusal === null ? {} : { code: refusal.code, message: refusal.message }),
});
