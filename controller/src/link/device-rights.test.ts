// What a device may do at the broker, how its presence shows, and what a revocation takes from it.
import { connect } from 'node:net';
import { DEVICE_PATHS, type DeviceId, topicOf } from '@nanofleet/protocol';
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { type GetController, onEachEngine } from '../testing/each-database.ts';
import { FLEET } from '../testing/test-controller.ts';
import { TestDevice } from '../testing/test-device.ts';

const topic = (device: string, kind: 'event' | 'birth' | 'desired') =>
  topicOf({ fleet: FLEET, device: device as DeviceId, channel: { kind } });

const statusOf = async (controller: GetController, device: DeviceId) =>
  (await controller().call('device', { params: { device } })).status;

const rights = (controller: GetController): void => {
  it('comes in only under its own name with its own credential', async () => {
    const device = await controller().device('door');
    await expect(device.connect({ password: 'wrong' })).rejects.toThrow('Connection refused');
    await expect(device.connect({ clientId: `${FLEET}.other` })).rejects.toThrow('Connection refused');
    await device.connect();
    expect(device.isCut).toBe(false);
  });

  it.each([
    ['the event topic of another device', topic('victim', 'event')],
    ['the birth of another device', topic('victim', 'birth')],
    ['its own desired state', topic('rogue', 'desired')],
    ['a topic of nobody', 'some/where'],
  ])('reaches nobody when it publishes on %s', async (_title, forbidden) => {
    const device = await controller().device(`rogue-${Buffer.from(forbidden).toString('hex').slice(-12)}`);
    const before = (await controller().call('fleet')).ingest;
    await device.connect();
    const published = device.publish(forbidden.replace('/rogue/', `/${device.name}/`), Buffer.from('{}'));
    // The embedded broker ends the connection, the only refusal of MQTT 3.1.1; mosquitto takes it and forwards nothing.
    published.catch(() => undefined);
    await eventually(() => expect([device.isCut, controller().isOnMosquitto]).toContain(true));
    await device.connect();
    await device.birth();
    await eventually(async () => expect(await statusOf(controller, device.name)).toBe('online'));
    expect((await controller().call('fleet')).ingest.malformed).toBe(before.malformed);
  });

  it('is cut before its login when it sends more than a login can be', async () => {
    const socket = connect(Number(new URL(controller().brokerUrl).port), '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => undefined);
    // CONNECT with a remaining length of 268,435,455 bytes (MQTT 3.1.1, 2.2.3), and a little of it.
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    socket.write(Buffer.alloc(64 * 1024));
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('hears nothing of others, whatever it subscribes to', async () => {
    const device = await controller().device('spy');
    await device.connect();
    for (const filter of ['#', 'nf/#', '+/+/+/+/+/birth', topic('victim', 'desired')]) {
      expect([filter, await device.subscribe(filter)]).toEqual([filter, 128]);
    }
  });

  it('counts and drops what does not decode, and goes on', async () => {
    const device = await controller().device('noisy');
    await device.connect();
    const before = (await controller().call('fleet')).ingest.malformed;
    await device.publish(topic('noisy', 'birth'), Buffer.from('{"half":'));
    await device.publish(topic('noisy', 'event'), Buffer.from([0xff, 0xfe]));
    await device.birth();
    await eventually(async () => expect(await statusOf(controller, device.name)).toBe('online'));
    expect((await controller().call('fleet')).ingest.malformed).toBe(before + 2);
  });
};

const presence = (controller: GetController): void => {
  it('is online from its birth to its will, and a late will of an older session changes nothing', async () => {
    const device = await controller().device('porch');
    expect(await statusOf(controller, device.name)).toBe('never-seen');
    await device.connect();
    await device.birth();
    await eventually(async () => expect(await statusOf(controller, device.name)).toBe('online'));
    await device.send('death', { session: device.session - 1, instance: device.instance, reason: 'lost' });
    await device.send('reported', { ...device.mark, desiredVersion: 7, lines: {}, problems: [] });
    await eventually(async () => {
      const shown = await controller().call('device', { params: { device: device.name } });
      expect([shown.reportedVersion, shown.status]).toEqual([7, 'online']);
    });
    await device.close('lost');
    await eventually(async () => expect(await statusOf(controller, device.name)).toBe('offline'));
  });

  it('shows that two processes use one identity', async () => {
    const first = await controller().device('twin');
    await first.connect();
    await first.birth();
    await eventually(async () => expect(await statusOf(controller, first.name)).toBe('online'));
    const second = new TestDevice(first.enrolment, { brokerUrl: controller().brokerUrl });
    await second.connect();
    await second.birth();
    await eventually(async () => {
      const { problems } = await controller().call('device', { params: { device: first.name } });
      expect(problems.map(({ code }) => code)).toEqual(['IDENTITY_IN_USE']);
    });
    await second.close();
  });

  it('keeps the newest beat', async () => {
    const device = await controller().device('pulse');
    await device.connect();
    await device.birth();
    for (const uptimeS of [1, 2, 3]) {
      await device.send('beat', {
        ...device.mark,
        uptimeS,
        cpuShare: 0.1,
        rssBytes: 1,
        decisions: { total: 0, sure: 0, unsure: 0, outOfScope: 0 },
        decisionMicros: { p50: 0, p95: 0, p99: 0 },
        offloadShare: 0,
        outbox: {
          offload: { records: 0, dropped: 0, expired: 0 },
          event: { records: 0, dropped: 0, expired: 0 },
          decision: { records: 0, dropped: 0, expired: 0 },
        },
        lines: {},
        problems: [],
      });
    }
    await eventually(async () => {
      const { beat } = await controller().call('device', { params: { device: device.name } });
      expect(beat?.uptimeS).toBe(3);
    });
  });
};

const revocation = (controller: GetController): void => {
  it('loses session, rights, blobs and everything kept of it when it is revoked', async () => {
    const device = await controller().device('lost');
    await device.connect();
    await device.birth();
    await eventually(async () => expect(await statusOf(controller, device.name)).toBe('online'));
    const viewer = await controller().token('viewer');
    await expect(
      controller().callAs(viewer, 'revokeDevice', { params: { device: device.name } }),
    ).rejects.toMatchObject({ code: 'ROLE_INSUFFICIENT' });
    const revoked = await controller().call('revokeDevice', { params: { device: device.name } });
    expect(revoked.status).toBe('revoked');
    await eventually(() => expect(device.isCut).toBe(true));
    await expect(device.connect()).rejects.toThrow('Connection refused');
    const blob = await fetch(`${controller().url}${DEVICE_PATHS.blob}${'a'.repeat(64)}`, {
      headers: { authorization: `Bearer ${device.bearer}` },
    });
    expect([blob.status, ((await blob.json()) as { code: string }).code]).toEqual([403, 'DEVICE_REVOKED']);
    expect(await statusOf(controller, device.name)).toBe('revoked');
    await expect(controller().device('lost')).rejects.toMatchObject({ code: 'DEVICE_NAME_TAKEN' });
  });
};

onEachEngine('a device at the broker', [rights, presence, revocation]);
