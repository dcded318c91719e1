// The link and its session over a transport in memory: what a lost connection costs.
import { type DeviceId, encodeMessage, type FleetId, toNanofleetError, topicOf } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryBroker, settle } from '@nanofleet/runtime/testing';
import { expect, it } from 'vitest';
import { ForeignRights } from './broker-rights.ts';
import { Link } from './link.ts';

const fleet = 'home' as FleetId;
const device = 'lamp' as DeviceId;
const death = (session: number): Uint8Array =>
  encodeMessage({
    kind: 'death',
    device,
    at: 0,
    body: { session, instance: '0123456789abcdef', reason: 'lost' },
  });

const setUp = async () => {
  const clock = new ManualClock();
  const broker = new MemoryBroker();
  const heard: number[] = [];
  const link = new Link({ fleet, clock, log: silentLog });
  link.on('death', ({ body }) => void heard.push(body.session));
  const rights = new ForeignRights(silentLog);
  const login = { url: 'mqtt://memory', username: '', password: '' };
  await link.startAlone({ transport: broker.transport, ...login, rights });
  const dies = (session: number): void =>
    broker.publish(topicOf({ fleet, device, channel: { kind: 'death' } }), death(session));
  const acknowledge = (): Promise<void> =>
    link.send(device, { kind: 'ack', body: { epoch: '0123456789abcdef', ranges: [[0, 1]] } } as never);
  return { clock, broker, heard, link, dies, acknowledge };
};

it('hears all shards again after its connection was lost', async () => {
  const { broker, clock, dies, heard, link } = await setUp();
  dies(1);
  await settle();
  broker.crash();
  await settle();
  expect(link.isConnected).toBe(false);
  broker.isUp = true;
  clock.advance(1_000);
  await settle();
  dies(2);
  await settle();
  expect([link.isConnected, heard]).toEqual([true, [1, 2]]);
});

it('sends over the next connection what found none', async () => {
  const { acknowledge, broker, clock } = await setUp();
  broker.crash();
  await settle();
  const sent = acknowledge();
  broker.isUp = true;
  clock.advance(1_000);
  await sent;
  expect(broker.seen.map(({ topic }) => topic)).toEqual([
    topicOf({ fleet, device, channel: { kind: 'ack' } }),
  ]);
});

it('gives up a message that found no connection for too long, and all of them at its end', async () => {
  const { acknowledge, broker, clock, link } = await setUp();
  broker.crash();
  await settle();
  const fates: unknown[] = [];
  const noteFate = (thrown: unknown): void => void fates.push(toNanofleetError(thrown).code);
  void acknowledge().catch(noteFate);
  for (let second = 0; second < 29; second += 1) clock.advance(1_000);
  await settle();
  expect(fates).toEqual([]);
  clock.advance(1_000);
  await settle();
  expect(fates).toEqual(['LINK_UNAVAILABLE']);
  void acknowledge().catch(noteFate);
  await link.close();
  await settle();
  expect(fates).toEqual(['LINK_UNAVAILABLE', 'LINK_UNAVAILABLE']);
});
