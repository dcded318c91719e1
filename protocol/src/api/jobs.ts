/**
 * Jobs as the operator API makes, shows and cancels them. Owns these schemas and routes; never holds behaviour.
 */
import { z } from 'zod';
import { deviceIdSchema, groupIdSchema, uuidSchema } from '../ids.ts';
import { JOB_EXECUTIONS_MAX, JOB_TIMEOUT_MAX_MS } from '../limits/jobs.ts';
import { jobTaskSchema } from '../messages/jobs.ts';
import { countSchema, errorCodeSchema, proseSchema, unixMsSchema } from '../messages/vocabulary.ts';
import { bare, listOf, page, route } from './route.ts';

/** Whom a job is for: the devices that are enrolled when it is made. */
export const jobTargetSchema = z.union([
  z.object({ device: deviceIdSchema }),
  z.object({ group: groupIdSchema }),
  z.object({ all: z.literal(true) }),
]);

/**
 * What is tried again: nothing; what timed out or failed with a code that a retry can help; everything that timed out or
 * failed. What a device rejects is never tried again.
 */
export const jobRetrySchema = z.enum(['never', 'retryable', 'always']);

/** How one execution stands; all but the first two are final. */
export const executionStatusSchema = z.enum([
  'queued',
  'in-progress',
  'succeeded',
  'failed',
  'rejected',
  'timed-out',
  'canceled',
]);

/** One execution of a job by one device. */
export const executionSchema = z.object({
  device: deviceIdSchema,
  execution: z.int().min(1),
  status: executionStatusSchema,
  code: errorCodeSchema.nullable(),
  message: proseSchema.nullable(),
  queuedAt: unixMsSchema,
  deadlineAt: unixMsSchema,
  endedAt: unixMsSchema.nullable(),
  /** What the device said after the controller had ended it: that it did it all the same, or not. */
  saidLate: executionStatusSchema.nullable(),
});

/** A job with how many devices stand where, each by its newest execution. */
export const jobViewSchema = z.object({
  id: uuidSchema,
  task: jobTaskSchema,
  target: jobTargetSchema,
  createdAt: unixMsSchema,
  canceledAt: unixMsSchema.nullable(),
  timeoutMs: z.int().min(1_000).max(JOB_TIMEOUT_MAX_MS),
  executionsMax: z.int().min(1).max(JOB_EXECUTIONS_MAX),
  retry: jobRetrySchema,
  counts: z.record(executionStatusSchema, countSchema),
});

const jobDetailSchema = jobViewSchema.extend({ executions: z.array(executionSchema) });

export type JobTarget = z.infer<typeof jobTargetSchema>;
export type JobRetry = z.infer<typeof jobRetrySchema>;
export type ExecutionStatus = z.infer<typeof executionStatusSchema>;
export type JobExecution = z.infer<typeof executionSchema>;
export type JobView = z.infer<typeof jobViewSchema>;
export type JobDetail = z.infer<typeof jobDetailSchema>;

/** Routes of this part of the operator API. */
export const JOB_ROUTES = {
  makeJob: route({
    ...bare,
    method: 'POST',
    path: '/api/jobs',
    role: 'operator',
    summary: 'Ask devices to do one thing once',
    body: z.object({
      /** Made by the asker, so that a request that is sent again makes no second job; one is made when it is left out. */
      id: uuidSchema.optional(),
      task: jobTaskSchema,
      target: jobTargetSchema,
      timeoutMs: z.int().min(1_000).max(JOB_TIMEOUT_MAX_MS).default(86_400_000),
      executionsMax: z.int().min(1).max(JOB_EXECUTIONS_MAX).default(1),
      retry: jobRetrySchema.default('retryable'),
    }),
    answer: jobViewSchema,
  }),
  jobs: route({
    ...bare,
    method: 'GET',
    path: '/api/jobs',
    role: 'viewer',
    summary: 'Jobs, newest first',
    query: z.object(page),
    answer: listOf(jobViewSchema),
  }),
  job: route({
    ...bare,
    method: 'GET',
    path: '/api/jobs/:job',
    role: 'viewer',
    summary: 'One job with each execution',
    params: z.object({ job: uuidSchema }),
    answer: jobDetailSchema,
  }),
  cancelJob: route({
    ...bare,
    method: 'POST',
    path: '/api/jobs/:job/cancel',
    role: 'operator',
    summary: 'Cancel what of a job has not been begun, and its retries',
    params: z.object({ job: uuidSchema }),
    answer: jobViewSchema,
  }),
} as const;
