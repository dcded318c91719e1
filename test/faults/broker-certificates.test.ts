// The same certificates and the same rights at both brokers: the embedded one, and a real mosquitto with the shipped
// configuration, which knows devices and controllers by nothing but their certificates.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControllerIdentity, systemRandom } from '@nanofleet/controller';
import { controllerUserOf, freePort, hasMosquitto, Mosquitto } from '@nanofleet/controller/testing';
import {
  clientIdOf,
  DEVICE_PATHS,
  deviceIdSchema,
  type FleetId,
  fleetFilter,
  fleetIdSchema,
  REVOKE_WITHIN_MS,
  shardOf,
  topicOf,
} from '@nanofleet/protocol';
import type { TlsIdentity } from '@nanofleet/runtime/ports';
import { eventually } from '@nanofleet/runtime/testing';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { mustEnrol, startAgentHere, untilConnected } from './parts/agents.ts';
import { settingsOf } from './parts/controller.ts';
import { FLEET } from './parts/operator.ts';
import { keepStandardError } from './parts/quiet.ts';
import { type EnrolledDevice, open, TlsFleet, tlsIn } from './parts/tls-fleet.ts';

// Ends a hang; a machine with other work must not.
vi.setConfig({ hookTimeout: 240_000, testTimeout: 60_000 });

const own = deviceIdSchema.parse('porch');
const other = deviceIdSchema.parse('door');
const rootIn = (fleet: FleetId, device: typeof own): string =>
  topicOf({ fleet, device, channel: { kind: 'birth' } }).replace(/\/birth$/, '');
const rootOf = (device: typeof own): string => rootIn(FLEET, device);
/** Begins every topic of the fleet. */
const PREFIX = fleetFilter(FLEET).slice(0, -1);
const JOB = '01890a5d-ac96-774b-bcce-b302099a8057';
const ELSEWHERE = shardOf(own) === '01' ? '02' : '01';

/** What a device named porch may publish, and what it may not. */
const PUBLISHED: [string, 'allowed' | 'denied'][] = [
  ...[
    'birth',
    'death',
    'beat',
    'reported',
    'event',
    'offload/req',
    `job/${JOB}/state`,
    `round/${JOB}/accept`,
  ].map((channel) => [`${rootOf(own)}/${channel}`, 'allowed'] as [string, 'allowed']),
  ...['desired', 'ack', 'offload/res', `job/${JOB}`, 'made-up'].map(
    (channel) => [`${rootOf(own)}/${channel}`, 'denied'] as [string, 'denied'],
  ),
  [`${rootOf(other)}/event`, 'denied'],
  [`${rootOf(other)}/birth`, 'denied'],
  [`${PREFIX}${ELSEWHERE}/${own}/event`, 'denied'],
  [`${rootIn(fleetIdSchema.parse('another'), own)}/event`, 'denied'],
  ['some/where', 'denied'],
];

const SUBSCRIBED: [string, 'allowed' | 'denied'][] = [
  ...['desired', 'ack', 'offload/res', 'birth', 'job/+', 'round/+/+'].map(
    (channel) => [`${rootOf(own)}/${channel}`, 'allowed'] as [string, 'allowed'],
  ),
  [`${rootOf(own)}/#`, 'denied'],
  [`${rootOf(other)}/desired`, 'denied'],
  [`${PREFIX}+/+/desired`, 'denied'],
  [`${PREFIX}+/${own}/desired`, 'denied'],
  ['#', 'denied'],
  ['$SYS/#', 'denied'],
  ['$CONTROL/dynamic-security/v1/response', 'denied'],
];

const until = (client: MqttClient, event: 'connect' | 'close'): Promise<unknown> =>
  new Promise((resolve) => client.once(event, () => resolve(event)));

describe.each(hasMosquitto() ? (['embedded', 'mosquitto'] as const) : (['embedded'] as const))(
  'devices with certificates at the broker (%s)',
  (kind) => {
    const fleet = new TlsFleet();
    let mosquitto: Mosquitto | null = null;
    let devicesPort = 0;
    let controllersPort = 0;
    let external: Awaited<ReturnType<typeof externally>> | null = null;
    let porch: EnrolledDevice;
    let door: EnrolledDevice;

    /** What a controller beside this mosquitto is told. */
    const externally = async () => {
      const ports = { devices: await freePort(), controllers: await freePort() };
      const { publisher } = fleet;
      const directory = join(fleet.scratch, 'controller');
      const url = `mqtts://127.0.0.1:${ports.controllers}`;
      const broker = { url, username: '', password: '', ca: null, rights: 'certificates' } as const;
      const advertisedMqttUrl = `mqtts://127.0.0.1:${ports.devices}`;
      const settings = { isSecure: true, broker, advertisedMqttUrl };
      await ControllerIdentity.open(settingsOf(directory, { publisher, settings }), systemRandom);
      const files = join(directory, 'broker');
      mosquitto = await Mosquitto.start({ files, ports, username: controllerUserOf(FLEET, 'rights') });
      return { ports, settings };
    };

    const client = (port: number, tls: TlsIdentity, clientId = clientIdOf(FLEET, own)): MqttClient => {
      const made = mqtt.connect(`mqtts://127.0.0.1:${port}`, {
        ...{ ca: [...(tls.ca ?? [])], clientId, username: clientId, password: '' },
        ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key ?? '' }),
        ...{ protocolVersion: 4, reconnectPeriod: 0 },
      });
      made.on('error', () => undefined);
      onTestFinished(() => void made.end(true));
      return made;
    };

    const connected = async (...wanted: Parameters<typeof client>): Promise<MqttClient> => {
      const made = client(...wanted);
      await until(made, 'connect');
      return made;
    };

    /** Somebody who hears everything: with the controller's own certificate at its listener. */
    const listener = async (topic: string): Promise<string[]> => {
      const heard: string[] = [];
      const directory = join(fleet.controller.directory);
      const key = readFileSync(join(directory, 'broker-client.key.pem'), 'utf8');
      const cert = readFileSync(join(directory, 'broker-link.pem'), 'utf8');
      const made = await connected(controllersPort, { ...porch.tls, cert, key }, 'observer');
      // What the broker keeps is older than what is published now.
      made.on('message', (arrived, _payload, packet) => {
        if (!packet.retain) heard.push(arrived);
      });
      await made.subscribeAsync(topic, { qos: 1 });
      return heard;
    };

    /** The embedded broker ends the session of who publishes what it may not; mosquitto takes it and forwards nothing. */
    const published = async (topic: string): Promise<'allowed' | 'denied'> => {
      const heard = kind === 'mosquitto' ? await listener(topic) : [];
      const device = await connected(devicesPort, porch.tls);
      const cut = until(device, 'close').then(() => true);
      const sent = device.publishAsync(topic, '{}', { qos: 1 }).then(
        () => false,
        () => true,
      );
      if (kind === 'embedded') return (await Promise.race([cut, sent])) ? 'denied' : 'allowed';
      await sent;
      // What was published before has arrived when this has: the broker forwards in order.
      const mark = `${rootOf(own)}/event`;
      const marks = await listener(mark);
      await device.publishAsync(mark, 'mark', { qos: 1 });
      await eventually(() => expect(marks.length).toBeGreaterThan(0));
      return heard.length > 0 ? 'allowed' : 'denied';
    };

    /** Whether a certificate opens the topics of a device; the embedded broker refuses sooner than mosquitto. */
    const isServed = async (tls: TlsIdentity, device: typeof own): Promise<boolean> => {
      const made = client(devicesPort, tls, clientIdOf(FLEET, device));
      await Promise.race([until(made, 'connect'), until(made, 'close')]);
      if (!made.connected) return false;
      const answers = await made
        .subscribeAsync(`${rootOf(device)}/desired`, { qos: 1 })
        .catch(() => [{ qos: 128 }]);
      return answers[0]?.qos === 1;
    };

    beforeAll(async () => {
      keepStandardError();
      external = kind === 'mosquitto' ? await externally() : null;
      await fleet.run(external?.settings);
      devicesPort = external?.ports.devices ?? fleet.controller.running.mqttPort;
      controllersPort = external?.ports.controllers ?? 0;
      expect(await fleet.login('--authority', fleet.controller.running.authorityKeyId ?? '')).toMatchObject({
        code: 0,
      });
      porch = await fleet.enrolled(own);
      door = await fleet.enrolled(other);
    });
    afterAll(async () => {
      await fleet.controller.running.stop();
      await mosquitto?.close();
    });

    it('connects an agent by its certificate, which is online then', async () => {
      const agent = await startAgentHere(porch.directory);
      await untilConnected(agent);
      const status = async () => (await fleet.nanofleet('devices', 'show', own)).out;
      await eventually(async () => expect(await status()).toContain('online'));
      await agent.stop();
    });

    // Nobody can listen at mosquitto outside of the fleet's topics: what is forwarded there cannot be seen.
    const seen = PUBLISHED.filter(([topic]) => kind === 'embedded' || topic.startsWith(PREFIX));
    it.each(seen)('what a device publishes on %s is %s', async (topic, expected) => {
      expect(await published(topic)).toBe(expected);
    });

    it('a device subscribes to what it may, and to nothing else', async () => {
      const device = await connected(devicesPort, porch.tls);
      const granted: [string, 'allowed' | 'denied'][] = [];
      for (const [filter] of SUBSCRIBED) {
        const [answer] = await device.subscribeAsync(filter, { qos: 1 }).catch(() => [{ qos: 128 }]);
        granted.push([filter, answer?.qos === 1 ? 'allowed' : 'denied']);
      }
      expect(granted).toEqual(SUBSCRIBED);
    });

    it('lets nobody in without a certificate of the fleet, nor with less than TLS 1.3', async () => {
      expect(await fleet.comeIn({ device: own, tls: { ca: porch.tls.ca }, port: devicesPort })).not.toBe(
        'in',
      );
      const old = open(devicesPort, { ...porch.tls, ...{ maxVersion: 'TLSv1.2' as const } });
      const [error] = (await once(old, 'error')) as [Error & { code?: string }];
      expect(error.code).toMatch(/ERR_SSL/);
    });

    it('lets a device take no session of another, whatever client id it names', async () => {
      const victim = await connected(devicesPort, door.tls, clientIdOf(FLEET, other));
      const thief = client(devicesPort, porch.tls, clientIdOf(FLEET, other));
      await Promise.race([until(thief, 'connect'), until(thief, 'close')]);
      await victim.publishAsync(`${rootOf(other)}/event`, '{}', { qos: 1 });
      expect(victim.connected).toBe(true);
    });

    it.each([kind].filter((one) => one === 'mosquitto'))(
      'lets a device in again at a broker that has lost all rights',
      async () => {
        const agent = await startAgentHere(door.directory);
        await untilConnected(agent);
        const { httpPort } = fleet.controller.running;
        await fleet.controller.running.stop();
        await mosquitto?.halt();
        await mosquitto?.forgetRights();
        await mosquitto?.run();
        await fleet.run({ ...external?.settings, httpPort });
        await expect.poll(async () => (await agent.status()).link, { timeout: 50_000 }).toBe('connected');
        await agent.stop();
      },
    );

    it.each([kind].filter((one) => one === 'mosquitto'))(
      'lets a device in that a restore readmitted by its certificate alone',
      async () => {
        await fleet.controller.database.execute(
          `update devices set credential_hash = null where device = '${other}'`,
        );
        const { httpPort } = fleet.controller.running;
        await fleet.controller.running.stop();
        await mosquitto?.halt();
        await mosquitto?.forgetRights();
        await mosquitto?.run();
        await fleet.run({ ...external?.settings, httpPort });
        const agent = await startAgentHere(door.directory);
        await untilConnected(agent);
        expect((await agent.status()).link).toBe('connected');
        await agent.stop();
      },
    );

    it('gives a name to new hardware, and nothing more to certificates of the old', async () => {
      expect(await isServed(door.tls, other)).toBe(true);
      const token = (await fleet.nanofleet('devices', 'replace', other)).out.trim();
      const directory = join(fleet.scratch, 'door-anew');
      await mustEnrol({ directory, name: other, token });
      expect([await isServed(door.tls, other), await isServed(tlsIn(directory), other)]).toEqual([
        false,
        true,
      ]);
      expect(await fleet.ask(door.tls, `${DEVICE_PATHS.blob}${'a'.repeat(64)}`)).toBe('CERTIFICATE_INVALID');
    });

    it('ends the session of an agent that is revoked, and everything of it, within the bound', async () => {
      const agent = await startAgentHere(porch.directory);
      await untilConnected(agent);
      expect(await fleet.nanofleet('devices', 'revoke', own)).toMatchObject({ code: 0, err: '' });
      const within = { timeout: REVOKE_WITHIN_MS, interval: 25 };
      await expect.poll(async () => (await agent.status()).link, within).not.toBe('connected');
      expect(await isServed(porch.tls, own)).toBe(false);
      await agent.stop();
    });
  },
);
