import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasMosquitto, Mosquitto } from '@nanofleet/controller/testing';
import { clientIdOf, type DeviceId, deviceIdSchema, REVOKE_WITHIN_MS, topicOf } from '@nanofleet/protocol';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { enrol, mustEnrol, startAgent, type TestAgent, untilConnected } from './parts/agents.ts';
import { signedBundle, type TestBundle } from './parts/bundles.ts';
import { scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { problemIn, sendRaw } from './parts/http.ts';
import { FLEET } from './parts/operator.ts';

const QUESTION = 'what is on my calendar for tomorrow';
const WITHIN = { timeout: REVOKE_WITHIN_MS, interval: 25 };
const everything = scratchDirectory();
let scratch = '';
const own = deviceIdSchema.parse('home-1');
const other = deviceIdSchema.parse('home-2');
let controller: TestController;
let agent: TestAgent;
let bundle: TestBundle;
let mosquitto: Mosquitto | null = null;

// Ends a hang; a machine with other work must not.
vi.setConfig({ testTimeout: 60_000 });

/** Where devices come in. */
type BrokerKind = 'embedded' | 'mosquitto';

const bringUp = async (kind: BrokerKind): Promise<void> => {
  scratch = mkdtempSync(join(everything, kind));
  mosquitto = kind === 'mosquitto' ? await Mosquitto.start() : null;
  controller = await startTestController({ settings: { broker: mosquitto?.settings ?? null } });
  bundle = signedBundle({
    from: 'household-1',
    to: join(scratch, 'bundles', 'household-1'),
    key: controller.publisher,
  });
  const token = await controller.fleetToken({ uses: 2 });
  for (const device of [own, other])
    await mustEnrol({ directory: join(scratch, device), token, name: device });
  agent = await startAgent(join(scratch, other), '--bundles', join(scratch, 'bundles'));
  await controller.push(bundle);
  await untilConnected(agent);
};

/** mosquitto says the same about every refusal, and takes a forbidden publish without forwarding it. */
const isMosquitto = (): boolean => mosquitto !== null;

const credentialOf = (device: DeviceId): string =>
  z
    .object({ credential: z.string() })
    .parse(JSON.parse(readFileSync(join(scratch, device, 'identity.json'), 'utf8'))).credential;

interface Login {
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: string;
}

const clientFor = (login: Login): MqttClient => {
  const id = clientIdOf(FLEET, own);
  const client = mqtt.connect(`mqtt://127.0.0.1:${controller.running.mqttPort}`, {
    clientId: id,
    username: id,
    password: credentialOf(own),
    protocolVersion: 4,
    reconnectPeriod: 0,
    ...login,
  });
  client.on('error', () => undefined);
  onTestFinished(() => void client.end(true));
  return client;
};

/** A connection with a device's own credential. */
const connect = (login: Login = {}): Promise<MqttClient> =>
  new Promise((resolve, reject) => {
    const client = clientFor(login);
    client.once('connect', () => resolve(client));
    client.once('error', reject);
    client.once('close', reject);
  });

const refusedWith = async (login: Login): Promise<unknown> => {
  const thrown: unknown = await connect(login).then(
    () => 'connected',
    (error: unknown) => error,
  );
  return thrown instanceof Error && 'code' in thrown ? thrown.code : thrown;
};

const NOT_AUTHORIZED = 5;
const badCredential = (): number => (isMosquitto() ? NOT_AUTHORIZED : 4);

/** Resolves when a forbidden publish has had its effect, which is none on anybody else. */
const isRefused = (
  client: MqttClient,
  publish: { topic: string; text: string; retain: boolean },
): Promise<void> =>
  new Promise((resolve) => {
    client.once('close', () => resolve());
    client.publish(publish.topic, publish.text, { qos: 1, retain: publish.retain }, (error) => {
      if (isMosquitto() && (error === undefined || error === null)) resolve();
    });
  });

const logins = (): void => {
  it('refuses a login that is not whole: wrong secret, foreign name, other client id', async () => {
    expect(await refusedWith({ password: 'w'.repeat(43) })).toBe(badCredential());
    expect(await refusedWith({ password: credentialOf(other) })).toBe(badCredential());
    expect(await refusedWith({ clientId: clientIdOf(FLEET, other) })).toBe(badCredential());
    expect(await refusedWith({ clientId: 'controller', username: 'controller' })).toBe(badCredential());
    expect(await refusedWith({ clientId: 'home-1', username: 'home-1' })).toBe(badCredential());
  });

  it.each(['birth', 'death', 'event', 'reported', 'offload/req', 'desired', 'ack'] as const)(
    "forwards nothing of a device that publishes on another's %s",
    async (kind) => {
      const client = await connect();
      const topic = topicOf({ fleet: FLEET, device: other, channel: { kind } });
      await isRefused(client, { topic, text: '{"v":1}', retain: true });
      expect(client.connected).toBe(isMosquitto());
      expect(await agent.status()).toMatchObject({ link: 'connected', problems: [] });
      expect(controller.log()).not.toContain('a message was dropped');
    },
  );

  it('forwards nothing of a device that publishes as the controller to itself', async () => {
    const client = await connect();
    const topic = topicOf({ fleet: FLEET, device: own, channel: { kind: 'desired' } });
    await isRefused(client, { topic, text: '{}', retain: true });
    expect(client.connected).toBe(isMosquitto());
    const heard: string[] = [];
    const again = await connect();
    again.on('message', (_topic, payload) => heard.push(payload.toString()));
    await again.subscribeAsync(topic, { qos: 1 });
    expect(heard.filter((text) => text === '{}')).toEqual([]);
  });

  it("grants no filter over another's topics, nor over everybody's", async () => {
    const client = await connect();
    const desired = topicOf({ fleet: FLEET, device: other, channel: { kind: 'desired' } });
    const filters = [desired, '#', '+/#', '$SYS/#', desired.replace(other, '+')];
    for (const filter of filters) {
      const granted = await client.subscribeAsync(filter, { qos: 1 }).catch(() => [{ qos: 128 }]);
      expect({ filter, qos: granted[0]?.qos }).toEqual({ filter, qos: 128 });
    }
    const mine = topicOf({ fleet: FLEET, device: own, channel: { kind: 'desired' } });
    expect((await client.subscribeAsync(mine, { qos: 1 }))[0]?.qos).toBe(1);
  });
};

const revoking = (): void => {
  const blob = () =>
    sendRaw(
      { host: '127.0.0.1', port: controller.running.httpPort },
      {
        path: `/device/blobs/${bundle.digest}`,
        headers: { authorization: `Bearer ${clientIdOf(FLEET, other)}:${credentialOf(other)}` },
      },
    );

  it('cuts its session and every right of it within 5 s, and never its local answers', async () => {
    expect((await blob()).status).toBe(200);
    await controller.call('revokeDevice', { params: { device: other } });
    await expect.poll(async () => (await agent.status()).link, WITHIN).not.toBe('connected');
    await expect.poll(async () => (await blob()).status, WITHIN).toBe(403);
    const refused = problemIn(await blob());
    expect(refused).toMatchObject({ code: 'DEVICE_REVOKED', status: 403 });
    expect(refused.detail).toContain('enrol it under another name');
    const login = clientIdOf(FLEET, other);
    const again = { clientId: login, username: login, password: credentialOf(other) };
    expect(await refusedWith(again)).toBe(NOT_AUTHORIZED);
    expect((await agent.ask(QUESTION)).label).toBe('calendar');
    expect((await agent.status()).waiting).toBeGreaterThanOrEqual(1);
  });

  it('is seen by operators, and holds for ever: it cannot be enrolled again under its name', async () => {
    expect((await controller.call('device', { params: { device: other } })).status).toBe('revoked');
    const token = await controller.fleetToken();
    const { code, err } = await enrol({ directory: join(scratch, 'thief'), token, name: other });
    expect(code).toBe(1);
    expect(err).toMatch(/^DEVICE_NAME_TAKEN |^DEVICE_REVOKED /);
    const thrown = controller.call('moveDevice', { params: { device: other }, body: { group: 'homes' } });
    await expect(thrown).rejects.toMatchObject({ code: 'DEVICE_REVOKED' });
  });

  it('takes nothing from the other devices', async () => {
    expect((await connect()).connected).toBe(true);
  });
};

const both: BrokerKind[] = hasMosquitto() ? ['embedded', 'mosquitto'] : ['embedded'];

describe.each(both)('the broker (%s)', (kind) => {
  beforeAll(() => bringUp(kind));
  afterAll(async () => {
    await agent.kill();
    await controller.running.stop();
    await mosquitto?.close();
  });
  describe('at a login and after it', () => {
    logins();
  });
  describe('when a device is revoked', () => {
    revoking();
  });
});

describe.runIf(hasMosquitto())('a mosquitto that has lost all rights', () => {
  it('lets a device in again that brings its credential to the controller, and nobody who was revoked', async () => {
    await bringUp('mosquitto');
    const broker = mosquitto;
    await controller.call('revokeDevice', { params: { device: own } });
    await broker?.halt();
    await broker?.forgetRights();
    await controller.running.stop();
    await broker?.run();
    controller = await startTestController({
      directory: controller.directory,
      publisher: controller.publisher,
      settings: { broker: broker?.settings ?? null, httpPort: controller.running.httpPort },
    });
    await expect.poll(async () => (await agent.status()).link, { timeout: 50_000 }).toBe('connected');
    const login = clientIdOf(FLEET, own);
    expect(await refusedWith({ username: login, password: credentialOf(own) })).toBe(NOT_AUTHORIZED);
    const names = (await broker?.rights())?.clients.map(({ username }) => username);
    expect(names).toContain(clientIdOf(FLEET, other));
    expect(names).not.toContain(login);
    await agent.kill();
    await controller.running.stop();
    await broker?.close();
  });
});
