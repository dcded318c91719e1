import { settle } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { WorkSlots } from './work-slots.ts';

it('does so many pieces at once, further ones in their order, and none beyond the bound of the queue', async () => {
  const slots = new WorkSlots({ most: 2, queueMax: 2 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (piece: number) =>
    slots.run(async () => {
      begun.push(piece);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (piece === 1) throw new TypeError('it failed');
      return piece;
    });
  const outcomes = [1, 2, 3, 4, 5].map((piece) => work(piece).catch((thrown: Error) => thrown.message));
  await settle();
  expect(begun).toEqual([1, 2]);
  expect(await outcomes[4]).toBeNull();
  for (const expected of [
    [1, 2, 3],
    [1, 2, 3, 4],
  ]) {
    ends.shift()?.();
    await settle();
    expect(begun).toEqual(expected);
    expect(slots.inWork).toBe(2);
  }
  for (const end of ends.splice(0)) end();
  expect(await Promise.all(outcomes)).toEqual(['it failed', 2, 3, 4, null]);
  expect(slots.inWork).toBe(0);
});
