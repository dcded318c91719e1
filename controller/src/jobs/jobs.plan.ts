/** What becomes of an execution, as values: which news counts, and whether a job is tried again. Never touches a database. */
import {
  ERRORS,
  type ErrorCode,
  type ExecutionStatus,
  type JobRetry,
  type JobState,
} from '@nanofleet/protocol';

/** How an execution stands, as far as rules look at it. */
export interface Standing {
  readonly status: ExecutionStatus;
  readonly execution: number;
}

/** What a job allows. */
export interface RetryRule {
  readonly retry: JobRetry;
  readonly executionsMax: number;
  readonly isCanceled: boolean;
}

const OPEN: ReadonlySet<ExecutionStatus> = new Set(['queued', 'in-progress']);

/** Whether an execution has not ended. */
export const isOpenStatus = (status: ExecutionStatus): boolean => OPEN.has(status);

/**
 * What a device's word changes: the status, or for one that the controller has ended what is noted beside it; null when
 * nothing is new.
 */
export const heard = (
  { status }: Standing,
  state: JobState,
): { to: 'status' | 'late'; status: ExecutionStatus } | null => {
  if (!isOpenStatus(status)) {
    const isOurEnd = status === 'timed-out' || status === 'canceled';
    return isOurEnd && state.status !== 'in-progress' ? { to: 'late', status: state.status } : null;
  }
  return state.status === status ? null : { to: 'status', status: state.status };
};

/** Number of the next execution after one has ended; null when that was the last. */
export const nextExecution = (
  { execution, status }: Standing,
  rule: RetryRule,
  code: ErrorCode | null,
): number | null => {
  if (rule.isCanceled || execution >= rule.executionsMax || rule.retry === 'never') return null;
  if (status === 'timed-out') return execution + 1;
  if (status !== 'failed') return null;
  const canHelp = code !== null && ERRORS[code].retryable;
  return rule.retry === 'always' || canHelp ? execution + 1 : null;
};
