// For how long, and for whom, a connection need not say again who is behind it.
import { type DeviceId, NanofleetError } from '@nanofleet/protocol';
import { ManualClock } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { DeviceCallers } from './device-callers.ts';
import type { DeviceCall, DevicesService } from './devices.service.ts';

const clock = new ManualClock();
/** Devices by what they authorize themselves with. */
const living = new Map([
  ['a', 'kitchen' as DeviceId],
  ['b', 'hall' as DeviceId],
]);
let asked = 0;
const devices = {
  callerOf: ({ authorization = '' }: DeviceCall) => {
    asked += 1;
    const device = living.get(authorization);
    if (device === undefined) return Promise.reject(new NanofleetError('TOKEN_INVALID', 'Nobody.'));
    return Promise.resolve(device);
  },
} as DevicesService;

const callers = new DeviceCallers(devices, clock);
const times = async (calls: () => Promise<unknown>): Promise<number> => {
  asked = 0;
  await calls();
  return asked;
};

describe('a caller', () => {
  it('is looked up once while it calls again on its connection, and again after a second', async () => {
    const call = { authorization: 'a', stream: {} };
    const twice = async () => {
      expect(await callers.callerOf(call)).toBe('kitchen');
      expect(await callers.callerOf(call)).toBe('kitchen');
    };
    expect(await times(twice)).toBe(1);
    clock.advance(1_000);
    expect(await times(twice)).toBe(1);
  });

  it('is looked up on each connection, and for each authorization on the same one', async () => {
    const stream = {};
    expect(await callers.callerOf({ authorization: 'a', stream })).toBe('kitchen');
    expect(await callers.callerOf({ authorization: 'b', stream })).toBe('hall');
    expect(await times(() => callers.callerOf({ authorization: 'b', stream: {} }))).toBe(1);
    await expect(callers.callerOf({ authorization: 'c', stream })).rejects.toMatchObject({
      code: 'TOKEN_INVALID',
    });
  });

  it('has a second left once its rights are gone, and nothing of a refusal is remembered', async () => {
    const call = { authorization: 'a', stream: {} };
    await callers.callerOf(call);
    living.delete('a');
    clock.advance(999);
    expect(await callers.callerOf(call)).toBe('kitchen');
    clock.advance(1);
    await expect(callers.callerOf(call)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    living.set('a', 'kitchen' as DeviceId);
    expect(await callers.callerOf(call)).toBe('kitchen');
  });
});
