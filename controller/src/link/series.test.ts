import { settle } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { Series } from './series.ts';

it('runs the work of one key in order, also after a failure, and keys beside one another', async () => {
  const series = new Series<string>();
  const done: string[] = [];
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const failed = series.run('a', async () => {
    await gate;
    done.push('a1');
    throw new TypeError('a1 fails');
  });
  const second = series.run('a', async () => {
    done.push('a2');
    await Promise.resolve();
  });
  await series.run('b', async () => {
    done.push('b1');
    await Promise.resolve();
  });
  expect([done, series.pending('a'), series.pending('b')]).toEqual([['b1'], 2, 0]);
  release();
  await expect(failed).rejects.toThrow('a1 fails');
  await second;
  await settle();
  expect([done, series.pending('a')]).toEqual([['b1', 'a1', 'a2'], 0]);
});
