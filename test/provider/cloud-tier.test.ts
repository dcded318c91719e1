// The cloud tier through a whole controller: real broker, real SQL, a device, a provider over a socket.

import { systemClock, systemRandom } from '@nanofleet/controller';
import { databaseKinds, publishBundle, TestController, type TestDevice } from '@nanofleet/controller/testing';
import { type BodyOf, type Digest, makeUuid, type OffloadPolicy, type Uuid } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { settingsFor } from './parts/questions.ts';
import { TestProvider } from './server.ts';

const EPOCH = '0123456789abcdef';
const KNOWN = 'what is the weather like in boston today';
/** No label of the line says it, and no model on site is sure of it. */
const UNKNOWN = 'kindly repaint fence number 7';

describe.each(databaseKinds())('the cloud tier (%s)', (kind) => {
  let provider: TestProvider;
  let controller: TestController;
  let digest: Digest;
  let sequence = 0;

  beforeAll(async () => {
    provider = await TestProvider.start({ clock: systemClock });
    controller = await TestController.start(kind, {}, { provider: settingsFor(provider) });
    const bundle = await publishBundle(controller);
    digest = bundle.digest;
    await controller.call('makeRollout', { body: { digest, target: { controller: true } } });
  });
  beforeEach(() => provider.reset());
  afterAll(async () => {
    await controller.close();
    await provider.close();
  });

  const deviceIn = async (name: string, policy: OffloadPolicy): Promise<TestDevice> => {
    await controller.call('setPolicy', { params: { group: policy }, body: { offload: policy } });
    const device = await controller.device(name, { group: policy });
    await device.connect({ brokerUrl: controller.brokerUrl });
    await device.birth();
    const running = { version: '1.0.0', releaseCounter: 1, digest };
    const lines = { intent: { running, step: 'settled' as const } };
    await device.send('reported', { ...device.mark, desiredVersion: 0, lines, problems: [] });
    await eventually(async () => {
      const shown = await controller.call('device', { params: { device: name } });
      expect(shown.lines['intent' as never]).toBeDefined();
    });
    return device;
  };

  const ask = async (device: TestDevice, text: string): Promise<Uuid> => {
    const decision = makeUuid(systemClock.unixMs(), systemRandom.bytes(10));
    sequence += 1;
    const local = { label: 'x', confidence: 0.2, outOfScope: 0.5, verdict: 'unsure' };
    const body = { decision, line: 'intent', version: '1.0.0', text, redacted: { email: 2 }, local };
    const options = { record: { epoch: EPOCH, sequence }, remainingMs: 60_000, correlation: decision };
    await device.send('offload/req', body as BodyOf<'offload/req'>, options);
    return decision;
  };

  const answerTo = (device: TestDevice, decision: Uuid) =>
    eventually(() => {
      const found = device.answers.find((answer) => answer.decision === decision);
      if (found === undefined) return expect.unreachable('no answer yet');
      return found;
    });

  it('answers what the mini tier is not sure of, with the reply as frames before it', async () => {
    const device = await deviceIn('clouded', 'cloud');
    const decision = await ask(device, UNKNOWN);
    const answer = await answerTo(device, decision);
    expect(answer).toMatchObject({
      tier: 'cloud',
      label: null,
      proposed: 'kindly_repaint',
      verdict: 'out-of-scope',
      version: 'test-model',
      digest: null,
      entities: [{ name: 'number', value: '7' }],
    });
    const frames = device.frames.filter(({ correlation }) => correlation === decision);
    expect(frames.map(({ kind: of, index }) => [of, index])).toEqual(
      frames.map((_, index) => ['tokens', index]),
    );
    expect(frames.at(-1)?.isLast).toBe(true);
    expect(Buffer.concat(frames.map(({ payload }) => payload)).toString()).toBe(answer.reply);
    const { items } = await controller.call('cloudCalls', { query: { device: device.name } });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ decision, state: 'answered', attempt: 1, redacted: { email: 2 } });
    const proposals = (await controller.call('proposals')).items;
    expect(proposals).toContainEqual(
      expect.objectContaining({ line: 'intent', name: 'kindly_repaint', count: 1 }),
    );
  });

  it('chooses among the labels of the line that the device runs', async () => {
    const device = await deviceIn('labelled', 'cloud');
    const content = {
      intent: 'restaurant_reservation',
      proposed: null,
      entities: [],
      reply: 'For how many?',
    };
    provider.script({ is: 'answer', content: JSON.stringify(content) });
    const answer = await answerTo(device, await ask(device, UNKNOWN));
    expect(answer).toMatchObject({
      tier: 'cloud',
      label: 'restaurant_reservation',
      verdict: 'sure',
      confidence: 1,
    });
    const asked = JSON.stringify(provider.requests[0]?.body['response_format']);
    expect(asked).toContain('"accept_reservations","account_blocked",');
    expect(asked).toContain('"yes","new"]');
  });

  it('is not asked when the mini tier is sure', async () => {
    const device = await deviceIn('sure', 'cloud');
    expect(await answerTo(device, await ask(device, KNOWN))).toMatchObject({
      tier: 'mini',
      label: 'weather',
    });
    expect(provider.requests).toHaveLength(0);
  });

  it('is not asked for devices of a group whose policy is not cloud, whatever they are', async () => {
    const device = await deviceIn('private', 'mini');
    expect(await answerTo(device, await ask(device, UNKNOWN))).toMatchObject({ tier: 'mini', label: null });
    expect(provider.requests).toHaveLength(0);
  });

  it('leaves the word of the mini tier when the provider fails, with the reason', async () => {
    const device = await deviceIn('unlucky', 'cloud');
    provider.script({ is: 'error', status: 401, code: 'invalid_api_key' });
    const answer = await answerTo(device, await ask(device, UNKNOWN));
    expect(answer).toMatchObject({ tier: 'mini', label: null, code: 'PROVIDER_REFUSED' });
    const [call] = (await controller.call('cloudCalls', { query: { device: device.name } })).items;
    expect(call).toMatchObject({ state: 'failed', status: 401, code: 'PROVIDER_REFUSED', costMicros: 0 });
  });

  it('is shown with its health and the money of the day, without its key', async () => {
    const shown = await controller.call('cloud');
    expect(shown.provider).toMatchObject({
      model: 'test-model',
      currency: 'USD',
      circuit: 'closed',
    });
    expect(shown.today.spentMicros).toBeGreaterThan(0);
    expect(JSON.stringify(shown)).not.toContain(provider.key);
    expect(controller.logged.join('')).not.toMatch(/repaint fence|test-key/);
  });

  it('gives mini answers while the provider keeps everybody waiting', async () => {
    const device = await deviceIn('crowd', 'cloud');
    provider.always = { is: 'stall', at: 'headers' };
    for (let turn = 0; turn < 80; turn += 1) await ask(device, `${UNKNOWN} ${turn}`);
    await eventually(() => expect(provider.requests.length).toBeGreaterThanOrEqual(64));
    expect(await answerTo(device, await ask(device, KNOWN))).toMatchObject({
      tier: 'mini',
      label: 'weather',
    });
  });

  it('forgets replies and entities once nobody waits for them any more', async () => {
    const device = await deviceIn('sleepy', 'cloud');
    const decision = await ask(device, UNKNOWN);
    await answerTo(device, decision);
    device.heard.length = 0;
    await device.birth({ awaiting: [decision] });
    expect(await answerTo(device, decision)).toHaveProperty('reply');
    controller.advance(120_000);
    await controller.halt();
    await controller.run();
    await device.connect({ brokerUrl: controller.brokerUrl });
    await eventually(async () => {
      device.heard.length = 0;
      await device.birth({ awaiting: [decision] });
      const answer = await answerTo(device, decision);
      expect(answer).toMatchObject({ proposed: 'kindly_repaint' });
      expect(answer).not.toHaveProperty('reply');
      expect(answer).not.toHaveProperty('entities');
    });
  });
});
