import { ManualClock, settle } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { jsonLog } from '../ports/log.ts';
import { RecordBatches } from './record-batches.ts';

const gone = () => Object.assign(new TypeError('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const badValue = () => Object.assign(new TypeError('invalid byte sequence'), { code: '22021' });

const setUp = (given: {
  commit?: (rows: readonly number[]) => Promise<void>;
  delayMs?: number;
  rowsMax?: number;
  queueMax?: number;
}) => {
  const clock = new ManualClock();
  const commits: number[][] = [];
  const settled: number[] = [];
  const refused: number[] = [];
  const batches = new RecordBatches<number>({
    clock,
    log: jsonLog(
      () => 0,
      () => undefined,
    ),
    delayMs: given.delayMs ?? 20,
    rowsMax: given.rowsMax ?? 10,
    queueMax: given.queueMax ?? 20,
    commit: async (rows) => {
      await given.commit?.(rows);
      commits.push([...rows]);
    },
    settled: (rows) => settled.push(...rows),
    refused: (row) => refused.push(row),
  });
  return { clock, commits, settled, refused, batches };
};

describe('batches of records', () => {
  it('wait for company up to their delay, and go at once when they are full', async () => {
    const { batches, clock, commits } = setUp({ rowsMax: 3 });
    void batches.add(1);
    await settle();
    expect(commits).toEqual([]);
    clock.advance(20);
    await settle();
    expect(commits).toEqual([[1]]);
    for (const row of [2, 3, 4]) void batches.add(row);
    await settle();
    expect(commits).toEqual([[1], [2, 3, 4]]);
  });

  it('without a delay hold what came during one commit together for the next', async () => {
    let release = (): void => undefined;
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { batches, commits } = setUp({
      delayMs: 0,
      commit: ([row]) => (row === 1 ? first : Promise.resolve()),
    });
    for (const row of [1, 2, 3]) void batches.add(row);
    await settle();
    expect(commits).toEqual([]);
    release();
    await settle();
    expect(commits).toEqual([[1], [2, 3]]);
  });

  it('are settled only after their commit, however often the database fails, and none is lost', async () => {
    let failures = 5;
    const commit = () => {
      failures -= 1;
      return failures >= 0 ? Promise.reject(gone()) : Promise.resolve();
    };
    const { batches, clock, commits, settled } = setUp({ commit, delayMs: 0 });
    let isDone = false;
    void batches.add(1)?.then(() => {
      isDone = true;
    });
    await settle();
    for (let look = 0; look < 4; look += 1) {
      expect([settled, isDone]).toEqual([[], false]);
      clock.advance(2_000);
      await settle();
    }
    clock.advance(2_000);
    await settle();
    expect([settled, commits, isDone]).toEqual([[1], [[1]], true]);
  });

  it('refuse what is beyond their bound, and take it again when there is room', async () => {
    let isDown = true;
    const commit = () => (isDown ? Promise.reject(gone()) : Promise.resolve());
    const { batches, clock, settled } = setUp({ commit, delayMs: 0, rowsMax: 2, queueMax: 3 });
    expect([1, 2, 3, 4].map((row) => batches.add(row) !== null)).toEqual([true, true, true, false]);
    isDown = false;
    await settle();
    clock.advance(2_000);
    await settle();
    expect(settled).toEqual([1, 2, 3]);
    expect(batches.add(4)).not.toBeNull();
  });

  it('put a row that the database refuses for its values aside, and store the others', async () => {
    const commit = (rows: readonly number[]) =>
      rows.includes(2) ? Promise.reject(badValue()) : Promise.resolve();
    const { batches, clock, commits, refused, settled } = setUp({ commit });
    for (const row of [1, 2, 3]) void batches.add(row);
    clock.advance(20);
    await settle();
    expect([commits, refused, settled]).toEqual([[[1], [3]], [2], [1, 2, 3]]);
  });

  it('settle nothing any more once they are closed', async () => {
    const { batches, clock, settled } = setUp({ commit: () => Promise.reject(gone()), delayMs: 0 });
    void batches.add(1);
    await settle();
    const closed = batches.close();
    clock.advance(2_000);
    await settle();
    await closed;
    expect([settled, batches.add(2)]).toEqual([[], null]);
  });
});
