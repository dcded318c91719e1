// Two controllers on one PostgreSQL and one mosquitto: whatever one of them is told, the other one knows.
import { DEVICE_PATHS } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRealEngines } from '../testing/each-database.ts';
import { RoundFleet } from '../testing/round-fleet.ts';
import { publishBundle } from '../testing/test-bundle.ts';
import { TestController } from '../testing/test-controller.ts';
import { decisionMade, type TestDevice } from '../testing/test-device.ts';

/** Another controller of the same fleet, with a directory of its own. */
const beside = ({ settings }: TestController): Promise<TestController> => {
  const { adminTokenFile, broker, databaseSchema, databaseUrl, directory, publisherKeys } = settings;
  const shared = { adminTokenFile, broker, databaseSchema, databaseUrl, publisherKeys };
  return TestController.start(
    'embedded',
    {},
    { ...shared, controllerKeyFile: `${directory}/controller.key.pem` },
  );
};

describe.runIf(hasRealEngines())('two controllers of one fleet', () => {
  let one: TestController;
  let other: TestController;
  const devices: TestDevice[] = [];

  beforeAll(async () => {
    one = await TestController.start('mosquitto');
    other = await beside(one);
    for (let index = 0; index < 12; index += 1) {
      const device = await one.device(`home-${index}`);
      await device.connect();
      await device.birth();
      devices.push(device);
    }
  });
  afterAll(async () => {
    await other.close();
    await one.close();
  });

  const desiredOf = (device: TestDevice) =>
    device.desired?.lines['intent' as never] as { digest: string } | undefined;

  it('share the devices, each of which is heard by one of them', async () => {
    await eventually(async () => {
      const { items } = await other.call('devices');
      expect(items.map(({ status }) => status)).toEqual(devices.map(() => 'online'));
    });
    const epoch = '0123456789abcdef';
    for (const device of devices) {
      for (let sequence = 0; sequence < 20; sequence += 1) {
        await device.send('event', decisionMade(), { record: { epoch, sequence } });
      }
    }
    await eventually(() => {
      expect(devices.map((device) => device.acknowledged(epoch).size)).toEqual(devices.map(() => 20));
    });
    expect((await one.call('fleet')).events).toBe(20 * devices.length);
    const heard = await Promise.all(
      [one, other].map(async (each) => (await each.call('fleet')).ingest.messages),
    );
    expect(heard.filter((messages) => messages > 0)).toHaveLength(2);
  });

  it('roll out to all of them what one was told, and serve the same blobs', async () => {
    const { digest, manifest } = await publishBundle(one);
    await other.call('makeRollout', { body: { digest, target: { all: true } } });
    await eventually(() => {
      expect(devices.map((device) => desiredOf(device)?.digest)).toEqual(devices.map(() => digest));
    });
    const [device] = devices;
    const blob = await fetch(`${other.url}${DEVICE_PATHS.blob}${manifest.files[0]?.sha256}`, {
      headers: { authorization: `Bearer ${device?.bearer}` },
    });
    expect([blob.status, (await blob.arrayBuffer()).byteLength]).toEqual([200, manifest.files[0]?.bytes]);
  });

  it('plan one device once, however many of them are asked at the same moment', async () => {
    const [device] = devices;
    const name = device?.name as never;
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((group, index) =>
        (index % 2 === 0 ? one : other).call('moveDevice', {
          params: { device: name },
          body: { group: `group-${group}` as never },
        }),
      ),
    );
    const shown = await one.call('device', { params: { device: name } });
    await eventually(() => {
      expect([device?.desired?.version, device?.desired?.group]).toEqual([shown.desiredVersion, shown.group]);
    });
  });

  it('run the same mini tier some seconds after one was given it', async () => {
    const bundle = await publishBundle(one, { releaseCounter: 7, version: '7.0.0' });
    const made = await one.call('makeRollout', {
      body: { digest: bundle.digest, target: { controller: true } },
    });
    await eventually(async () => {
      const shown = await other.call('rollout', { params: { id: made.id } });
      expect(shown.counts.running).toBe(1);
    });
  });

  it('end the session of a device that either of them revokes', async () => {
    const device = devices[5] as TestDevice;
    await other.call('revokeDevice', { params: { device: device.name } });
    await eventually(() => expect(device.isCut).toBe(true));
    await expect(device.connect()).rejects.toThrow('Connection refused');
    expect((await one.call('device', { params: { device: device.name } })).status).toBe('revoked');
  });

  it('refuse a third one that signs with another key', async () => {
    const { adminTokenFile, broker, databaseSchema, databaseUrl, publisherKeys } = one.settings;
    const shared = { adminTokenFile, broker, databaseSchema, databaseUrl, publisherKeys };
    await expect(TestController.start('embedded', {}, shared)).rejects.toMatchObject({
      code: 'SETTING_INVALID',
    });
  });

  it('lose nothing when one of them ends in order: the other one has all devices at once', async () => {
    await other.halt();
    const epoch = 'fedcba9876543210';
    const living = devices.filter((device) => !device.isCut);
    for (const device of living)
      await device.send('event', decisionMade(), { record: { epoch, sequence: 0 } });
    await eventually(() => {
      expect(living.map((device) => device.acknowledged(epoch).size)).toEqual(living.map(() => 1));
    });
  });

  it('finish a round that the other one drove when it left', async () => {
    await other.run();
    const fleet = await RoundFleet.of(one, { group: 'shared', devices: 2, version: '8.0.0' });
    const round = await fleet.start();
    const shown = () => other.call('round', { params: { id: round } });
    const [first, second] = fleet.devices as [TestDevice, TestDevice];
    const plan = await fleet.planFor(first, round);
    await first.sendUpdate(round, fleet.update(1, plan));
    await eventually(async () => expect((await shown()).counts.updates).toBe(1));
    await one.halt();
    await second.sendUpdate(round, fleet.update(2, plan));
    const done = await eventually(async () => {
      const now = await shown();
      expect(now.status).toBe('candidate');
      return now;
    });
    expect(done).toMatchObject({ counts: { asked: 2, updates: 2, refused: 0 }, examples: 20 });
    const { items } = await other.call('candidates');
    expect(items.filter((candidate) => candidate.round === round)).toHaveLength(1);
  });
});
