// Jobs over a disk that keeps what was synced: intents before effects, ends before they are told, nothing forgotten too early.
import { JOBS_OPEN_MAX, type Job, NanofleetError, type Uuid } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { MemoryDisk } from '@nanofleet/runtime/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { delivered, EMPTY_LEDGER, ended, type JobLedger } from './jobs.machine.ts';
import { Jobs, type JobWork } from './jobs.ts';

const jobAt = (at: number): Uuid => `01933b6c-0000-7000-8000-${String(at).padStart(12, '0')}` as Uuid;
const JOB = jobAt(1);
const body = (change: Partial<Job> = {}): Job => ({ execution: 1, task: 'count', sequence: 1, ...change });

const makeWorld = (effect: JobWork['effect'] = 'repeatable') => {
  const disk = new MemoryDisk();
  disk.makeDirectory('/state');
  const runs: string[] = [];
  let failure: NanofleetError | null = null;
  const run = (key: string): void => {
    if (failure !== null) throw failure;
    runs.push(key);
  };
  let desired = 0;
  const open = (on: MemoryDisk = disk): Jobs =>
    new Jobs({
      ...{ disk: on, path: '/state/job-ledger.json', log: silentLog },
      work: { count: { effect, run } },
      desiredVersion: () => desired,
    });
  return {
    ...{ disk, open, runs },
    fail: (code: NanofleetError) => {
      failure = code;
    },
    desire: (version: number) => {
      desired = version;
    },
  };
};

describe('jobs', () => {
  it('do an execution once and tell its end again, also in the next process', () => {
    const { disk, open, runs } = makeWorld();
    const jobs = open();
    const told = [jobs.take(JOB, body()), jobs.take(JOB, body()), open(disk.afterKill()).take(JOB, body())];
    expect(told).toEqual(Array.from({ length: 3 }, () => ({ execution: 1, status: 'succeeded' })));
    expect(runs).toEqual([`${JOB} 1 0`]);
  });

  it('refuse an older execution, and do a newer one', () => {
    const { open, runs } = makeWorld();
    const jobs = open();
    expect(jobs.take(JOB, body({ execution: 2 }))).toMatchObject({ status: 'succeeded' });
    expect(jobs.take(JOB, body())).toMatchObject({ execution: 1, status: 'rejected', code: 'JOB_OVER' });
    expect(jobs.take(JOB, body({ execution: 3 }))).toMatchObject({ execution: 3, status: 'succeeded' });
    expect(runs).toEqual([`${JOB} 2 0`, `${JOB} 3 0`]);
  });

  it('wait for the desired version that a job names', () => {
    const { desire, open, runs } = makeWorld();
    const jobs = open();
    expect(jobs.take(JOB, body({ desiredVersion: 4 }))).toBeNull();
    desire(4);
    expect(jobs.take(JOB, body({ desiredVersion: 4 }))).toMatchObject({ status: 'succeeded' });
    expect(runs).toEqual([`${JOB} 1 4`]);
  });

  it('do nothing whose intent the disk does not take', () => {
    const { disk, open, runs } = makeWorld();
    disk.bytesMax = 0;
    const jobs = open();
    expect(jobs.take(JOB, body())).toBeNull();
    expect(runs).toEqual([]);
    disk.bytesMax = Number.POSITIVE_INFINITY;
    expect(jobs.take(JOB, body())).toMatchObject({ status: 'succeeded' });
  });

  it('reject a task that this agent does not know, by a name that objects inherit, too', () => {
    const { open } = makeWorld();
    const jobs = open();
    for (const [at, task] of ['fly', 'constructor', '__proto__'].entries()) {
      const state = jobs.take(jobAt(at), body({ task }));
      expect(state).toMatchObject({ status: 'rejected', code: 'JOB_TASK_UNKNOWN' });
    }
  });

  it('tell what a task failed with, durably', () => {
    const { disk, fail, open, runs } = makeWorld();
    fail(new NanofleetError('DISK_FULL', 'no room'));
    const failed = { execution: 1, status: 'failed', code: 'DISK_FULL', message: 'no room' };
    expect(open().take(JOB, body())).toEqual(failed);
    expect(open(disk.afterKill()).take(JOB, body())).toEqual(failed);
    expect(runs).toEqual([]);
  });

  it('refuse a job without its place', () => {
    const { execution, task } = body();
    expect(() => makeWorld().open().take(JOB, { execution, task })).toThrow(/place/);
  });

  it('go on with a start that was asked for until the next start', () => {
    const { disk, open, runs } = makeWorld('next-start');
    const jobs = open();
    expect(jobs.take(JOB, body())).toEqual({ execution: 1, status: 'in-progress' });
    expect(jobs.take(JOB, body())).toEqual({ execution: 1, status: 'in-progress' });
    const next = open(disk.afterKill());
    next.recover();
    expect(next.take(JOB, body())).toEqual({ execution: 1, status: 'succeeded' });
    expect(runs).toHaveLength(1);
  });
});

describe('the ledger', () => {
  const step = (ledger: JobLedger, at: number, change: Partial<Job> = {}) => {
    const given = { ...body(change), sequence: at };
    return delivered(ledger, { job: jobAt(at), body: given }, { desiredVersion: 0 });
  };

  it('takes no job beyond its bound, and forgets only what is over', () => {
    let ledger = EMPTY_LEDGER;
    for (let at = 1; at <= JOBS_OPEN_MAX; at += 1) ({ ledger } = step(ledger, at));
    expect(step(ledger, JOBS_OPEN_MAX + 1).step.to).toBe('wait');
    const [first] = ledger.entries;
    ledger = first === undefined ? ledger : ended(ledger, first, { status: 'succeeded' });
    const next = step(ledger, JOBS_OPEN_MAX + 1, { closedBelow: 2 });
    expect(next.step.to).toBe('begin');
    expect(step(next.ledger, 1).step).toMatchObject({ to: 'refuse', code: 'JOB_OVER' });
  });

  it('begins each execution at most once, and none after a newer one, whatever comes in whatever order', () => {
    const deliveries = fc.array(
      fc.record({ at: fc.nat(5), execution: fc.nat(3), below: fc.nat(4), isEnded: fc.boolean() }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(deliveries, (all) => {
        const begun = new Map<number, number>();
        let ledger = EMPTY_LEDGER;
        for (const { at, below, execution, isEnded } of all) {
          const { ledger: after, step: due } = step(ledger, at, { execution, closedBelow: below });
          ledger = after;
          if (due.to !== 'begin') continue;
          expect(execution).toBeGreaterThan(begun.get(at) ?? -1);
          expect(at).toBeGreaterThanOrEqual(ledger.closedBelow);
          begun.set(at, execution);
          if (isEnded) ledger = ended(ledger, due.entry, { status: 'succeeded' });
        }
      }),
      { seed: 20261127, numRuns: 500 },
    );
  });
});
