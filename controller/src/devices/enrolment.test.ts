// Enrolment over HTTP: what it gives, what it refuses, and what happens when an answer is lost.
import { enrolmentSchema } from '@nanofleet/protocol';
import { fingerprintOf, generateSigningKey, isSignedBy } from '@nanofleet/protocol/node';
import { expect, it } from 'vitest';
import { type GetController, onEachEngine } from '../testing/each-database.ts';
import { enrolDevice, enrolRaw, TestDevice } from '../testing/test-device.ts';

const answers = (controller: GetController): void => {
  it('answers under the signature of the controller that the token pins, over the nonce', async () => {
    const answer = await enrolRaw(controller().url, {
      name: 'signed-1',
      token: await controller().fleetToken(),
    });
    const enrolment = enrolmentSchema.parse(JSON.parse(answer.signed));
    const key = Buffer.from(enrolment.controllerKey, 'base64');
    expect(fingerprintOf(key)).toBe(controller().keyId);
    expect(isSignedBy(key, { bytes: Buffer.from(answer.signed), signature: answer.signature })).toBe(true);
    expect(enrolment).toMatchObject({ fleet: 'home', device: 'signed-1', group: 'homes' });
    expect(enrolment.brokerUrl).toBe(controller().brokerUrl);
    expect(enrolment.publisherKeys).toEqual([
      Buffer.from(controller().publisher.publicKey).toString('base64'),
    ]);
  });

  it('refuses a wrong secret, an unknown token, an expired one and a used-up one, each with its code', async () => {
    const token = await controller().fleetToken({ uses: 1, validForS: 100 });
    const attempt = (given: { id: string; secret: string }, name: string) =>
      enrolRaw(controller().url, { name, token: given });
    await expect(attempt({ id: token.id, secret: 'wrong-wrong-wrong' }, 'a')).rejects.toMatchObject({
      code: 'FLEET_TOKEN_UNKNOWN',
    });
    const unknown = '01890a5d-ac96-774b-bcce-b302099a8057';
    await expect(attempt({ id: unknown, secret: token.secret }, 'a')).rejects.toMatchObject({
      code: 'FLEET_TOKEN_UNKNOWN',
    });
    await attempt(token, 'used-1');
    await expect(attempt(token, 'used-2')).rejects.toMatchObject({ code: 'FLEET_TOKEN_USED_UP' });
    controller().advance(101_000);
    await expect(attempt(token, 'used-3')).rejects.toMatchObject({ code: 'FLEET_TOKEN_EXPIRED' });
  });

  it('gives no use twice to devices that come at the same moment', async () => {
    const token = await controller().fleetToken({ uses: 3 });
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => enrolRaw(controller().url, { name: `rush-${index}`, token })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(3);
    const left = (await controller().call('fleetTokens')).items.find(({ id }) => id === token.id);
    expect(left?.usesLeft).toBe(0);
  });

  it('has a desired state for each device by the time of its answer, also for many at the same moment', async () => {
    const token = await controller().fleetToken({ uses: 8 });
    const enrolled = Array.from({ length: 8 }, async (_, index) => {
      await enrolRaw(controller().url, { name: `planned-${index}`, token });
      return (await controller().call('device', { params: { device: `planned-${index}` } })).desiredVersion;
    });
    expect(await Promise.all(enrolled)).toEqual(enrolled.map(() => 1));
  });
};

const names = (controller: GetController): void => {
  it('gives a name to one key only, and to that key again without another use', async () => {
    const token = await controller().fleetToken({ uses: 1 });
    const key = generateSigningKey();
    const first = await enrolDevice(controller().url, { name: 'mine', token, key });
    const again = await enrolDevice(controller().url, { name: 'mine', token, key });
    expect(again.credential).not.toBe(first.credential);
    await expect(enrolRaw(controller().url, { name: 'mine', token })).rejects.toMatchObject({
      code: 'DEVICE_NAME_TAKEN',
    });
    const before = new TestDevice(first, { brokerUrl: controller().brokerUrl });
    await expect(before.connect()).rejects.toThrow('Connection refused');
    const device = new TestDevice(again, { brokerUrl: controller().brokerUrl });
    await device.connect();
    await device.close();
  });

  it('refuses a key that the device does not hold', async () => {
    const attempt = enrolRaw(controller().url, {
      name: 'thief',
      token: await controller().fleetToken(),
      proofBy: generateSigningKey(),
    });
    await expect(attempt).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('refuses a dropped token and names that are none', async () => {
    const token = await controller().fleetToken();
    await expect(enrolRaw(controller().url, { name: 'Not A Name', token })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await controller().call('dropFleetToken', { params: { id: token.id } });
    await expect(enrolRaw(controller().url, { name: 'late', token })).rejects.toMatchObject({
      code: 'FLEET_TOKEN_UNKNOWN',
    });
  });
};

onEachEngine('enrolment', [answers, names]);
