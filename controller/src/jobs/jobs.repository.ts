/** SQL of jobs. Each change locks the execution that it is about, so that of two controllers one changes it. */
import {
  type DeviceId,
  type ErrorCode,
  type ExecutionStatus,
  JOBS_OPEN_MAX,
  type JobTarget,
  type Uuid,
} from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, asc, desc, eq, inArray, isNull, lte, or, type SQL, sql } from 'drizzle-orm';
import { DATABASE, type Database, type Queries, rowsOf, storable } from '../db/database.ts';
import { devices } from '../devices/devices.tables.ts';
import { jobExecutions, jobs } from './jobs.tables.ts';

/** A row of jobs. */
export type JobRow = typeof jobs.$inferSelect;
/** A row of executions. */
export type ExecutionRow = typeof jobExecutions.$inferSelect;
/** Which execution. */
export type ExecutionKey = Pick<ExecutionRow, 'job' | 'device' | 'execution'>;
/** An execution that is to be sent, with what its message says. */
export type DueExecution = ExecutionRow & Pick<JobRow, 'task'> & { readonly closedBelow: number };
/** What an end says. */
export interface End {
  readonly status: ExecutionStatus;
  readonly code?: ErrorCode | undefined;
  readonly message?: string | undefined;
}

const LOOKED_AT_MAX = 500;

/** Jobs in the database. */
@Injectable()
export class JobsRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Adds a job with an execution for each device that can take one; nothing when there is none, or the job is there. */
  add(row: JobRow): Promise<'added' | 'known' | 'nobody'> {
    return this.database.transaction(async (transaction) => {
      const isNew = await transaction
        .insert(jobs)
        .values(row)
        .onConflictDoNothing()
        .returning({ id: jobs.id });
      if (isNew.length === 0) return 'known';
      if ((await this.#addExecutions(transaction, row)) > 0) return 'added';
      await transaction.delete(jobs).where(eq(jobs.id, row.id));
      return 'nobody';
    });
  }

  async #addExecutions(transaction: Queries, { createdAt, id, target, timeoutMs }: JobRow): Promise<number> {
    const added = await rowsOf<{ device: string }>(
      transaction,
      sql`with taken as (
        update ${devices} set job_sequence = job_sequence + 1
        where revoked_at is null and ${aimedAt(target)} and (
          select count(*) from ${jobExecutions} as held
          where held.device = ${devices}.device and held.ended_at is null
        ) < ${JOBS_OPEN_MAX}
        returning device, job_sequence, desired_version
      )
      insert into ${jobExecutions}
        (job, device, execution, sequence, desired_version, status, queued_at, deadline_at)
      select ${id}::uuid, device, 1, job_sequence, desired_version, 'queued',
        ${createdAt}::bigint, ${createdAt + timeoutMs}::bigint
      from taken returning device`,
    );
    return added.length;
  }

  /** How many devices a target has. */
  async size(target: JobTarget): Promise<number> {
    const [row] = await rowsOf<{ size: number | string }>(
      this.database,
      sql`select count(*) as size from ${devices} where revoked_at is null and ${aimedAt(target)}`,
    );
    return Number(row?.size ?? 0);
  }

  /** Jobs, newest first. */
  newest(limit: number): Promise<JobRow[]> {
    return this.database.select().from(jobs).orderBy(desc(jobs.createdAt), desc(jobs.id)).limit(limit);
  }

  /** One job. */
  async one(id: Uuid, queries: Queries = this.database): Promise<JobRow | undefined> {
    const [row] = await queries.select().from(jobs).where(eq(jobs.id, id));
    return row;
  }

  /** All executions of a job, by device and number. */
  executions(job: Uuid): Promise<ExecutionRow[]> {
    return this.database
      .select()
      .from(jobExecutions)
      .where(eq(jobExecutions.job, job))
      .orderBy(asc(jobExecutions.device), asc(jobExecutions.execution));
  }

  /** How many devices stand where, each by its newest execution. */
  async counts(ids: readonly Uuid[]): Promise<{ job: Uuid; status: ExecutionStatus; count: number }[]> {
    if (ids.length === 0) return [];
    const newest = this.database
      .selectDistinctOn([jobExecutions.job, jobExecutions.device], {
        job: jobExecutions.job,
        status: jobExecutions.status,
      })
      .from(jobExecutions)
      .where(inArray(jobExecutions.job, [...ids]))
      .orderBy(jobExecutions.job, jobExecutions.device, desc(jobExecutions.execution))
      .as('newest');
    const rows = await this.database
      .select({ job: newest.job, status: newest.status, count: sql<number | string>`count(*)` })
      .from(newest)
      .groupBy(newest.job, newest.status);
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  }

  /** Changes an execution while nobody else does; `work` gets it with its job, and may end it or note a late word. */
  async change<T>(
    key: ExecutionKey,
    work: (row: ExecutionRow, job: JobRow, queries: Queries) => Promise<T>,
  ): Promise<T | null> {
    return this.database.transaction(async (transaction) => {
      // The job first, as who cancels does: two orders would wait for each other.
      const [job] = await transaction.select().from(jobs).where(eq(jobs.id, key.job)).for('share');
      const [row] = await transaction.select().from(jobExecutions).where(isOf(key)).for('update');
      return row === undefined || job === undefined ? null : work(row, job, transaction);
    });
  }

  /** Sets what a device or the clock says of an execution. */
  async set(
    queries: Queries,
    key: ExecutionKey,
    change: Partial<Pick<ExecutionRow, 'endedAt' | 'saidLate'>> & Partial<End>,
  ): Promise<void> {
    const message = change.message === undefined ? {} : { message: storable(change.message) };
    await queries
      .update(jobExecutions)
      .set({ ...change, ...message })
      .where(isOf(key));
  }

  /** Adds the next execution of a job on a device: its place stays, its desired version is today's. */
  async addNext(
    queries: Queries,
    before: ExecutionRow,
    next: Pick<ExecutionRow, 'execution' | 'queuedAt' | 'deadlineAt'>,
  ): Promise<void> {
    const [device] = await queries
      .select({ desiredVersion: devices.desiredVersion })
      .from(devices)
      .where(eq(devices.device, before.device));
    const { job, sequence } = before;
    await queries.insert(jobExecutions).values({
      ...{ job, sequence, device: before.device, status: 'queued' as const },
      ...next,
      desiredVersion: device?.desiredVersion ?? before.desiredVersion,
    });
  }

  /** Cancels a job: what is queued ends, what is under way goes on, nothing is tried again. */
  cancel(id: Uuid, canceledAt: number): Promise<void> {
    return this.database.transaction(async (transaction) => {
      await transaction
        .update(jobs)
        .set({ canceledAt })
        .where(and(eq(jobs.id, id), isNull(jobs.canceledAt)));
      await transaction
        .update(jobExecutions)
        .set({ status: 'canceled', endedAt: canceledAt })
        .where(and(eq(jobExecutions.job, id), eq(jobExecutions.status, 'queued')));
    });
  }

  /** Open executions whose time is over. */
  overdue(nowMs: number): Promise<ExecutionKey[]> {
    const { deadlineAt, device, endedAt, execution, job } = jobExecutions;
    return this.database
      .select({ job, device, execution })
      .from(jobExecutions)
      .where(and(isNull(endedAt), lte(deadlineAt, nowMs)))
      .limit(LOOKED_AT_MAX);
  }

  /** Open executions of connected devices that were not sent since a moment, or since their device came; in order. */
  due(sentBeforeMs: number, come: readonly DeviceId[]): Promise<DueExecution[]> {
    const { device, endedAt, sentAt, sequence } = jobExecutions;
    const isDue = or(
      isNull(sentAt),
      lte(sentAt, sentBeforeMs),
      ...(come.length === 0 ? [] : [inArray(device, [...come])]),
    );
    return this.#open(and(isNull(endedAt), isDue, eq(devices.isOnline, true), isNull(devices.revokedAt)))
      .orderBy(asc(device), asc(sequence))
      .limit(LOOKED_AT_MAX);
  }

  #open(where: SQL | undefined) {
    return this.database
      .select({
        ...columnsOfExecutions,
        task: jobs.task,
        closedBelow: sql<number>`(select min(held.sequence) from ${jobExecutions} as held
          where held.device = ${devices.device} and held.ended_at is null)`,
      })
      .from(jobExecutions)
      .innerJoin(jobs, eq(jobs.id, jobExecutions.job))
      .innerJoin(devices, eq(devices.device, jobExecutions.device))
      .where(where)
      .$dynamic();
  }

  /** Notes when executions were sent. */
  async sent(keys: readonly ExecutionKey[], sentAt: number): Promise<void> {
    for (const key of keys) await this.database.update(jobExecutions).set({ sentAt }).where(isOf(key));
  }
}

const { code, deadlineAt, desiredVersion, device, endedAt, execution, job, message } = jobExecutions;
const { queuedAt, saidLate, sentAt, sequence, status } = jobExecutions;
const columnsOfExecutions = {
  ...{ code, deadlineAt, desiredVersion, device, endedAt, execution, job, message },
  ...{ queuedAt, saidLate, sentAt, sequence, status },
};

const isOf = (key: ExecutionKey): SQL | undefined =>
  and(eq(job, key.job), eq(device, key.device), eq(execution, key.execution));

const aimedAt = (target: JobTarget): SQL => {
  if ('device' in target) return sql`device = ${target.device}`;
  return 'group' in target ? sql`device_group = ${target.group}` : sql`true`;
};
