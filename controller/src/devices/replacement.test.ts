// New hardware under a known name: what it takes over, what the old one loses, and who may not do it.
import { generateSigningKey } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachEngine } from '../testing/each-database.ts';
import { enrolRaw } from '../testing/test-device.ts';

const replacing = (controller: GetController): void => {
  const offer = (device: string) =>
    controller().call('replaceDevice', { params: { device }, body: { validForS: 60 } });
  const shown = (device: string) => controller().call('device', { params: { device } });

  it('takes over name, group and history; the old key loses session and access at once', async () => {
    const old = await controller().device('boiler', { group: 'cellar' });
    await old.connect();
    await old.birth();
    await eventually(async () => expect((await shown('boiler')).status).toBe('online'));
    const { enrolledAt } = await shown('boiler');
    const token = await offer('boiler');
    expect(old.isCut).toBe(false);
    const anew = await controller().device('boiler', { token });
    await eventually(() => expect(old.isCut).toBe(true));
    await expect(old.connect()).rejects.toThrow('Connection refused');
    await anew.connect();
    await anew.birth();
    await eventually(async () => expect((await shown('boiler')).status).toBe('online'));
    expect(await shown('boiler')).toMatchObject({ group: 'cellar', enrolledAt, session: 1 });
    const { items } = await controller().call('timeline', { query: { device: 'boiler' } });
    const kinds = items.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['device-enrolled', 'device-replaced']));
  });

  it('brings a name back that was revoked with its hardware, for another key', async () => {
    const key = generateSigningKey();
    await controller().device('stolen', { key });
    await controller().call('revokeDevice', { params: { device: 'stolen' } });
    const token = await offer('stolen');
    await expect(enrolRaw(controller().url, { name: 'stolen', token, key })).rejects.toMatchObject({
      code: 'DEVICE_REVOKED',
    });
    const anew = await controller().device('stolen', { token });
    await anew.connect();
    expect((await shown('stolen')).status).not.toBe('revoked');
  });

  it('happens once for a token, under its name only, and by no other token', async () => {
    await controller().device('lamp');
    const token = await offer('lamp');
    const attempt = (name: string, given: { id: string; secret: string }, key = generateSigningKey()) =>
      enrolRaw(controller().url, { name, token: given, key });
    await expect(attempt('vase', token)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const ordinary = await controller().fleetToken();
    await expect(attempt('lamp', ordinary)).rejects.toMatchObject({ code: 'DEVICE_NAME_TAKEN' });
    const key = generateSigningKey();
    await attempt('lamp', token, key);
    await attempt('lamp', token, key);
    await expect(attempt('lamp', token)).rejects.toMatchObject({ code: 'FLEET_TOKEN_USED_UP' });
    await expect(offer('nobody')).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' });
  });
};

onEachEngine('a device that is replaced', [replacing]);
