import { describe, expect, it } from 'vitest';
import { BagMaker } from './bag.ts';

describe('BagMaker', () => {
  it('lists each row once and counts repeats in the share', () => {
    const { used, bag } = new BagMaker(10).of([Int32Array.of(4, 7, 4, 1), Int32Array.of(7)]);
    expect([...used]).toEqual([4, 7, 1]);
    expect(bag.dims).toEqual([2, 3]);
    expect(bag.data).toEqual(Float32Array.of(1, 0.5, 0.5, 0, 1, 0));
  });

  it('leaves nothing of one batch in the next', () => {
    const maker = new BagMaker(10);
    maker.of([Int32Array.of(1, 2, 3)]);
    expect(maker.of([Int32Array.of(3)]).bag.data).toEqual(Float32Array.of(1));
  });
});
