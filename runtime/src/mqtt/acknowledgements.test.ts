import { expect, it } from 'vitest';
import { settle } from '../testing/index.ts';
import { Acknowledgements } from './acknowledgements.ts';

const setUp = (unacknowledgedMax = Number.POSITIVE_INFINITY) => {
  const writes: number[][] = [];
  const write = (bytes: Uint8Array): void => {
    writes.push(
      Array.from(
        { length: bytes.length / 4 },
        (_, at) => (bytes[at * 4 + 2] ?? 0) * 256 + (bytes[at * 4 + 3] ?? 0),
      ),
    );
  };
  const acknowledgements = new Acknowledgements({ unacknowledgedMax, write });
  let nexts = 0;
  const takers: (() => void)[] = [];
  const arrive = (messageId: number): void => {
    const taken = new Promise<void>((resolve) => takers.push(resolve));
    acknowledgements.await(messageId, taken, () => (nexts += 1));
  };
  return { acknowledgements, arrive, takers, writes, nexts: () => nexts };
};

it('acknowledges in the order of arrival what is taken, together what is taken together', async () => {
  const { arrive, nexts, takers, writes } = setUp();
  for (const id of [7, 300, 9]) arrive(id);
  expect(nexts()).toBe(3);
  takers[1]?.();
  await settle();
  expect(writes).toEqual([]);
  takers[0]?.();
  await settle();
  expect(writes).toEqual([[7, 300]]);
  takers[2]?.();
  await settle();
  expect(writes).toEqual([[7, 300], [9]]);
});

it('acknowledges at once what needs no waiting, and what failed, for it would fail again', async () => {
  const { acknowledgements, writes } = setUp();
  acknowledgements.await(1, undefined, () => undefined);
  acknowledgements.await(2, Promise.reject(new TypeError('cannot')), () => undefined);
  await settle();
  expect(writes.flat()).toEqual([1, 2]);
});

it('reads no further at its bound, and goes on when something is acknowledged', async () => {
  const { arrive, nexts, takers } = setUp(2);
  arrive(1);
  arrive(2);
  expect(nexts()).toBe(1);
  takers[0]?.();
  await settle();
  expect(nexts()).toBe(2);
});
