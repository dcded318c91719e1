/**
 * Rules of jobs: one is made for the devices of its target, what they say of it is noted once, and it is tried again, timed
 * out or cancelled. Everything is stored before it is sent. Never sends: the driver does.
 */
import {
  type ApiRequest,
  type DeviceId,
  type ExecutionStatus,
  type JobDetail,
  type JobState,
  type JobTarget,
  type JobView,
  NanofleetError,
  type Uuid,
} from '@nanofleet/protocol';
import { type Clock, newId, type Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { RANDOM } from '../ports/random.ts';
import { heard, isOpenStatus, nextExecution } from './jobs.plan.ts';
import {
  type End,
  type ExecutionKey,
  type ExecutionRow,
  type JobRow,
  JobsRepository,
} from './jobs.repository.ts';

/** What is asked for. */
export type NewJob = ApiRequest<'makeJob'>['body'];

/** Jobs. */
@Injectable()
export class JobsService {
  /** Called when something may be to be sent. */
  changed: () => void = () => undefined;

  constructor(
    private readonly repository: JobsRepository,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  /**
   * Asks the devices of a target; again under the same id changes nothing.
   * @throws NanofleetError DEVICE_UNKNOWN for a target without devices, JOBS_TOO_MANY when none can take one more
   */
  async make(asked: NewJob): Promise<JobView> {
    const { id = newId(this.clock, this.random), ...wish } = asked;
    const row = {
      ...{ ...wish, id },
      createdAt: this.clock.unixMs(),
      canceledAt: null,
    };
    if ((await this.repository.add(row)) === 'nobody') throw await this.#whyNobody(asked.target);
    this.changed();
    return this.#view(await this.#known(id));
  }

  /** Jobs, newest first. */
  async list(limit: number): Promise<JobView[]> {
    const rows = await this.repository.newest(limit);
    const counts = await this.repository.counts(rows.map(({ id }) => id));
    return rows.map((row) => shown(row, counts));
  }

  /** One job with each execution. @throws NanofleetError JOB_UNKNOWN */
  async show(id: Uuid): Promise<JobDetail> {
    const view = await this.#view(await this.#known(id));
    return { ...view, executions: (await this.repository.executions(id)).map(shownExecution) };
  }

  /** Cancels what has not been begun, and retries. @throws NanofleetError JOB_UNKNOWN */
  async cancel(id: Uuid): Promise<JobView> {
    await this.#known(id);
    await this.repository.cancel(id, this.clock.unixMs());
    return this.#view(await this.#known(id));
  }

  /** A device says how far it is. Its word may come twice, and late. */
  async hear(device: DeviceId, job: Uuid, state: JobState): Promise<void> {
    const isTriedAgain = await this.repository.change(
      { device, job, execution: state.execution },
      async (row, of, queries) => {
        const news = heard(row, state);
        if (news === null) return false;
        if (news.to === 'late') {
          await this.repository.set(queries, row, { saidLate: news.status });
          return false;
        }
        if (!isOpenStatus(news.status))
          return this.#end(queries, { row, of }, { ...state, status: news.status });
        await this.repository.set(queries, row, { status: news.status });
        return false;
      },
    );
    if (isTriedAgain === true) this.changed();
  }

  /** Ends what took too long; returns whether something is tried again. */
  async expire(): Promise<void> {
    for (const key of await this.repository.overdue(this.clock.unixMs())) await this.#expireOne(key);
  }

  async #expireOne(key: ExecutionKey): Promise<void> {
    await this.repository.change(key, async (row, of, queries) => {
      if (!isOpenStatus(row.status)) return;
      await this.#end(queries, { row, of }, { status: 'timed-out' });
    });
  }

  /** Ends an execution, and begins the next one in the same transaction: in between the job would be over. */
  async #end(
    queries: Parameters<JobsRepository['set']>[0],
    { of, row }: { row: ExecutionRow; of: JobRow },
    { code, message, status }: End,
  ): Promise<boolean> {
    const nowMs = this.clock.unixMs();
    const end = { status, endedAt: nowMs, ...(code === undefined ? {} : { code }) };
    await this.repository.set(queries, row, { ...end, ...(message === undefined ? {} : { message }) });
    const rule = { retry: of.retry, executionsMax: of.executionsMax, isCanceled: of.canceledAt !== null };
    const next = nextExecution({ status, execution: row.execution }, rule, code ?? null);
    if (next === null) return false;
    const times = { queuedAt: nowMs, deadlineAt: nowMs + of.timeoutMs };
    await this.repository.addNext(queries, row, { execution: next, ...times });
    return true;
  }

  async #known(id: Uuid): Promise<JobRow> {
    const row = await this.repository.one(id);
    if (row !== undefined) return row;
    throw new NanofleetError('JOB_UNKNOWN', `No job ${id} is known; list them: nanofleet jobs ls.`, {
      facts: { job: id },
    });
  }

  async #view(row: JobRow): Promise<JobView> {
    return shown(row, await this.repository.counts([row.id]));
  }

  async #whyNobody(target: JobTarget): Promise<NanofleetError> {
    const words =
      'device' in target ? target.device : 'group' in target ? `group ${target.group}` : 'the fleet';
    return (await this.repository.size(target)) === 0
      ? new NanofleetError(
          'DEVICE_UNKNOWN',
          `No device is enrolled as ${words}; list them: nanofleet devices ls.`,
        )
      : new NanofleetError('JOBS_TOO_MANY', `Every device of ${words} has its greatest number of open jobs.`);
  }
}

const shown = (
  { canceledAt, createdAt, executionsMax, id, retry, target, task, timeoutMs }: JobRow,
  counts: readonly { job: Uuid; status: ExecutionStatus; count: number }[],
): JobView => {
  const own = counts.filter(({ job }) => job === id).map(({ count, status }) => [status, count] as const);
  const zeros = {
    queued: 0,
    'in-progress': 0,
    succeeded: 0,
    failed: 0,
    rejected: 0,
    'timed-out': 0,
    canceled: 0,
  };
  return {
    ...{ id, task, target, createdAt, canceledAt, timeoutMs, executionsMax, retry },
    counts: { ...zeros, ...Object.fromEntries(own) },
  };
};

const shownExecution = ({
  code,
  deadlineAt,
  device,
  endedAt,
  execution,
  message,
  queuedAt,
  saidLate,
  status,
}: ExecutionRow): JobDetail['executions'][number] => ({
  ...{ device, execution, status, code, message, queuedAt, deadlineAt, endedAt, saidLate },
});
