import { describe, expect, it } from 'vitest';
import { RequestLimit } from './request-limit.ts';

const HALF_A_MINUTE_MS = 30_000;
const asked = (limit: RequestLimit, address: string, nowMs: number, times: number): number =>
  Array.from({ length: times }, () => limit.take(address, nowMs)).filter(Boolean).length;

describe('requests of an address', () => {
  it('are as many as allowed at once, and come back steadily', () => {
    const limit = new RequestLimit({ perMinute: 10, addressesMax: 8 });
    expect(asked(limit, '10.0.0.1', 0, 15)).toBe(10);
    expect(asked(limit, '10.0.0.1', HALF_A_MINUTE_MS, 15)).toBe(5);
    expect(asked(limit, '10.0.0.1', 100 * HALF_A_MINUTE_MS, 15)).toBe(10);
  });

  it('take nothing from other addresses, and a clock that is set back gives nothing', () => {
    const limit = new RequestLimit({ perMinute: 10, addressesMax: 8 });
    expect(asked(limit, '10.0.0.1', HALF_A_MINUTE_MS, 10)).toBe(10);
    expect(asked(limit, '10.0.0.1', 0, 10)).toBe(0);
    expect(asked(limit, '10.0.0.2', 0, 10)).toBe(10);
  });

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', 0],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', 10],
    ['2001:db8::1', '2001:db8::2', 0],
    ['2001:db8::1', '2001:db8:0:0:5::2', 0],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.2', 10],
  ])('count by network where an owner has many: after %s, %s has %i', (one, other, left) => {
    const limit = new RequestLimit({ perMinute: 10, addressesMax: 8 });
    expect(asked(limit, one, 0, 10)).toBe(10);
    expect(asked(limit, other, 0, 10)).toBe(left);
  });

  it('are remembered of a bounded number of addresses', () => {
    const limit = new RequestLimit({ perMinute: 1, addressesMax: 2 });
    for (const address of ['a', 'b', 'c']) expect(limit.take(address, 0)).toBe(true);
    expect([limit.take('b', 0), limit.take('c', 0)]).toEqual([false, false]);
    expect(limit.take('a', 0)).toBe(true);
  });
});
