/** Tables of jobs and of their executions by devices. */
import type {
  DeviceId,
  ErrorCode,
  ExecutionStatus,
  JobRetry,
  JobTarget,
  JobTask,
  Uuid,
} from '@nanofleet/protocol';
import { sql } from 'drizzle-orm';
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';

/** What was asked. */
export const jobs = pgTable('jobs', {
  id: uuid().$type<Uuid>().primaryKey(),
  task: text().$type<JobTask>().notNull(),
  target: jsonb().$type<JobTarget>().notNull(),
  createdAt: bigint({ mode: 'number' }).notNull(),
  canceledAt: bigint({ mode: 'number' }),
  timeoutMs: bigint({ mode: 'number' }).notNull(),
  executionsMax: integer().notNull(),
  retry: text().$type<JobRetry>().notNull(),
});

/** Each try of a job by a device; one without `endedAt` is open, and the only open one of its job and device. */
export const jobExecutions = pgTable(
  'job_executions',
  {
    job: uuid().$type<Uuid>().notNull(),
    device: text().$type<DeviceId>().notNull(),
    execution: integer().notNull(),
    /** Place of the job among those of the device. */
    sequence: integer().notNull(),
    desiredVersion: integer().notNull(),
    status: text().$type<ExecutionStatus>().notNull(),
    code: text().$type<ErrorCode>(),
    message: text(),
    queuedAt: bigint({ mode: 'number' }).notNull(),
    deadlineAt: bigint({ mode: 'number' }).notNull(),
    /** When it was last sent; null before. */
    sentAt: bigint({ mode: 'number' }),
    endedAt: bigint({ mode: 'number' }),
    saidLate: text().$type<ExecutionStatus>(),
  },
  (table) => [
    primaryKey({ columns: [table.job, table.device, table.execution] }),
    index('job_executions_open').on(table.device, table.sequence).where(sql`ended_at is null`),
  ],
);
