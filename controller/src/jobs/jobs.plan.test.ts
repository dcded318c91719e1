import type { ErrorCode, ExecutionStatus, JobRetry } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { heard, nextExecution } from './jobs.plan.ts';

describe('what a device says of an execution', () => {
  it('counts while it is open, once', () => {
    const open = { status: 'queued', execution: 1 } as const;
    expect(heard(open, { execution: 1, status: 'succeeded' })).toEqual({ to: 'status', status: 'succeeded' });
    const going = { status: 'in-progress', execution: 1 } as const;
    expect(heard(going, { execution: 1, status: 'in-progress' })).toBeNull();
  });

  it.each(['succeeded', 'failed', 'rejected'] as const)('changes nothing of one that has %s', (status) => {
    for (const said of ['in-progress', 'succeeded', 'failed', 'rejected'] as const)
      expect(heard({ status, execution: 1 }, { execution: 1, status: said })).toBeNull();
  });

  it.each(['timed-out', 'canceled'] as const)(
    'is noted beside what the controller has ended: %s',
    (status) => {
      const state = { status, execution: 1 };
      expect(heard(state, { execution: 1, status: 'succeeded' })).toEqual({
        to: 'late',
        status: 'succeeded',
      });
      expect(heard(state, { execution: 1, status: 'in-progress' })).toBeNull();
    },
  );
});

describe('another try', () => {
  const rule = { retry: 'retryable' as JobRetry, executionsMax: 3, isCanceled: false };
  const rows: [ExecutionStatus, ErrorCode | null, JobRetry, number | null][] = [
    ['timed-out', null, 'retryable', 2],
    ['timed-out', null, 'never', null],
    ['failed', 'DISK_FULL', 'retryable', 2],
    ['failed', 'STATE_CORRUPT', 'retryable', null],
    ['failed', 'STATE_CORRUPT', 'always', 2],
    ['failed', null, 'retryable', null],
    ['rejected', 'JOB_TASK_UNKNOWN', 'always', null],
    ['succeeded', null, 'always', null],
  ];
  it.each(rows)('after %s with %s under %s is %s', (status, code, retry, next) => {
    expect(nextExecution({ status, execution: 1 }, { ...rule, retry }, code)).toBe(next);
  });

  it('never goes beyond the bound, nor follows a cancel', () => {
    expect(nextExecution({ status: 'timed-out', execution: 3 }, rule, null)).toBeNull();
    expect(
      nextExecution({ status: 'timed-out', execution: 1 }, { ...rule, isCanceled: true }, null),
    ).toBeNull();
  });
});
