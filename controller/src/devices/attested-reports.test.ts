// What devices report under their key, through a real broker into a real database: believed, shown as not attested, or refused.
import type { BodyOf } from '@nanofleet/protocol';
import { generateSigningKey, type SigningKey, signBytes } from '@nanofleet/protocol/node';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { enrolDevice, TestDevice } from '../testing/test-device.ts';

const ONE = '1'.repeat(64);
const TWO = '2'.repeat(64);

const reportOf = (device: TestDevice, running: string): BodyOf<'reported'> =>
  ({
    ...device.mark,
    desiredVersion: 0,
    lines: {
      intent: {
        running: { version: '1.0.0', releaseCounter: 1, digest: running },
        step: 'settled',
        committed: running,
      },
    },
    problems: [],
  }) as unknown as BodyOf<'reported'>;

const signed = (device: TestDevice, by: SigningKey, loaded: string): BodyOf<'reported'>['attestation'] => {
  const { fleet } = device.enrolment;
  const text = JSON.stringify({
    ...{ is: 'line-state-1', fleet, device: device.name, ...device.mark, boot: null },
    lines: { intent: { loaded, committed: loaded } },
  });
  return { signed: text, signature: signBytes(by, Buffer.from(text)) };
};

const reports = (controller: GetController): void => {
  const enrolled = async (name: string, key: SigningKey): Promise<TestDevice> => {
    const token = await controller().fleetToken();
    const device = new TestDevice(await enrolDevice(controller().url, { name, token, key }), controller());
    await device.connect();
    await device.birth();
    return device;
  };
  const shown = (name: TestDevice['name']) => controller().call('device', { params: { device: name } });

  it('are attested when the device’s key has signed them, and plain when nobody has', async () => {
    const key = generateSigningKey();
    const device = await enrolled('honest', key);
    await device.send('reported', reportOf(device, ONE));
    await eventually(async () =>
      expect((await shown(device.name)).lines).toMatchObject({ intent: { attested: false } }),
    );
    await device.send('reported', { ...reportOf(device, ONE), attestation: signed(device, key, ONE) });
    await eventually(async () =>
      expect((await shown(device.name)).lines).toMatchObject({
        intent: { attested: true, committed: ONE, running: { digest: ONE } },
      }),
    );
  });

  it('change nothing when they lie, and the operator is told until the truth comes', async () => {
    const key = generateSigningKey();
    const device = await enrolled('liar', key);
    const truth = { ...reportOf(device, ONE), attestation: signed(device, key, ONE) };
    await device.send('reported', truth);
    await device.send('reported', { ...reportOf(device, TWO), attestation: signed(device, key, ONE) });
    await eventually(async () =>
      expect(await shown(device.name)).toMatchObject({
        lines: { intent: { attested: true, running: { digest: ONE } } },
        problems: [{ code: 'REPORT_FORGED' }],
      }),
    );
    await device.send('reported', truth);
    await eventually(async () => expect((await shown(device.name)).problems).toEqual([]));
  });
};

onEachDatabase('what devices say that they run', [reports]);
