// Events into the database: each once in effect, acknowledged only after the commit, whatever the database does.
import { eventually } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { openDatabase } from '../db/open-database.ts';
import { type GetController, onEachEngine } from '../testing/each-database.ts';
import { decisionMade, type TestDevice } from '../testing/test-device.ts';

const sendAll = async (device: TestDevice, epoch: string, sequences: readonly number[]): Promise<void> => {
  await Promise.all(
    sequences.map((sequence) => device.send('event', decisionMade(), { record: { epoch, sequence } })),
  );
};

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const database = { isDown: false };

/** Fails as the driver does when nobody listens. */
const open: typeof openDatabase = async (wanted, unique) => {
  const opened = await openDatabase(wanted, unique);
  const execute = opened.database.execute.bind(opened.database);
  opened.database.execute = ((query: Parameters<typeof execute>[0]) =>
    database.isDown
      ? Promise.reject(Object.assign(new TypeError('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
      : execute(query)) as typeof execute;
  return opened;
};

const stored = async (controller: GetController, device: TestDevice) =>
  (await controller().call('events', { query: { device: device.name, limit: 500 } })).items;

const identities = (controller: GetController): void => {
  it('stores each record once, however often it comes, and acknowledges it each time', async () => {
    const device = await controller().device('often');
    await device.connect();
    const epoch = '0123456789abcdef';
    const sequences = upTo(200);
    await sendAll(device, epoch, sequences);
    await sendAll(device, epoch, sequences);
    await eventually(() => expect(device.acknowledged(epoch).size).toBe(200));
    const items = await stored(controller, device);
    expect(items.map(({ sequence }) => sequence).sort((left, right) => left - right)).toEqual(sequences);
    expect(items.map(({ position }) => position)).toEqual(
      [...items].map(({ position }) => position).sort((left, right) => left - right),
    );
    await eventually(async () =>
      expect((await controller().call('fleet')).ingest.duplicates).toBeGreaterThanOrEqual(200),
    );
    expect(await controller().call('fleet')).toMatchObject({ events: 200, decisions: 200 });
  });

  it('takes the same sequence of another log for another record', async () => {
    const device = await controller().device('wiped');
    await device.connect();
    await sendAll(device, 'aaaaaaaaaaaaaaaa', [0, 1]);
    await sendAll(device, 'bbbbbbbbbbbbbbbb', [0, 1]);
    await eventually(async () => expect((await stored(controller, device)).length).toBe(4));
  });

  it('keeps texts that PostgreSQL refuses, without holding up others', async () => {
    const device = await controller().device('odd');
    await device.connect();
    const epoch = 'cccccccccccccccc';
    for (const [sequence, label] of ['a\0b', 'half \ud800', 'plain'].entries()) {
      await device.send('event', decisionMade(label), { record: { epoch, sequence } });
    }
    await eventually(() => expect(device.acknowledged(epoch).size).toBe(3));
    expect((await stored(controller, device)).map(({ event }) => event['label'])).toEqual([
      'a\uFFFDb',
      'half \uFFFD',
      'plain',
    ]);
  });

  it('pages events by position and filters them', async () => {
    const device = await controller().device('pages');
    await device.connect();
    await sendAll(device, 'dddddddddddddddd', upTo(5));
    await eventually(async () => expect((await stored(controller, device)).length).toBe(5));
    const query = { device: device.name, limit: 2 };
    const first = (await controller().call('events', { query })).items;
    const next = (
      await controller().call('events', { query: { ...query, after: first.at(-1)?.position ?? 0 } })
    ).items;
    expect(new Set([...first, ...next].map(({ sequence }) => sequence))).toEqual(new Set([0, 1, 2, 3]));
    const none = await controller().call('events', { query: { ...query, type: 'sensor-event' } });
    expect(none.items).toEqual([]);
  });
};

const outages = (controller: GetController): void => {
  it('acknowledges nothing while the database is down, and everything after it is back', async () => {
    const device = await controller().device('outage');
    await device.connect();
    const epoch = 'eeeeeeeeeeeeeeee';
    database.isDown = true;
    await sendAll(device, epoch, upTo(100));
    await eventually(() =>
      expect(controller().logged.some((line) => line.includes('records wait for the database'))).toBe(true),
    );
    expect(device.acknowledged(epoch).size).toBe(0);
    const ready = await controller().call('ready');
    expect(ready).toMatchObject({ ready: false, parts: { database: false, broker: true } });
    database.isDown = false;
    await eventually(() => expect(device.acknowledged(epoch).size).toBe(100));
    expect((await stored(controller, device)).length).toBe(100);
  });

  it('keeps everything over a stop, and a device that sends again doubles nothing', async () => {
    const device = await controller().device('stop');
    await device.connect();
    const epoch = 'ffffffffffffffff';
    await sendAll(device, epoch, upTo(50));
    await eventually(() => expect(device.acknowledged(epoch).size).toBe(50));
    const before = await controller().call('fleet');
    await controller().halt();
    await controller().run();
    await device.connect({ brokerUrl: controller().brokerUrl });
    await sendAll(device, epoch, upTo(60));
    await eventually(async () => expect((await stored(controller, device)).length).toBe(60));
    expect((await controller().call('fleet')).events).toBe(before.events + 10);
  });
};

onEachEngine('ingest of events', [identities, outages], { open });
