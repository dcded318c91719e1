// Topics: building and parsing are inverse, and rights of devices never overlap.
import {
  allShards,
  type Channel,
  type DeviceId,
  DOWN_CHANNELS,
  deviceRights,
  type FleetId,
  isCovered,
  NanofleetError,
  parseTopic,
  ROUND_STEPS,
  shardFilters,
  shardOf,
  TOPIC_LEVELS_MAX,
  topicOf,
  UP_CHANNELS,
  type Uuid,
} from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const SEED = 20261123;
const fleets = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/).map((text) => text as FleetId);
const devices = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/).map((text) => text as DeviceId);
const uuids = fc.uuid({ version: 7 }).map((text) => text as Uuid);
const channels = fc.oneof(
  fc.constantFrom(...UP_CHANNELS, ...DOWN_CHANNELS).map((kind): Channel => ({ kind })),
  uuids.map((job): Channel => ({ kind: 'job', job })),
  uuids.map((job): Channel => ({ kind: 'job/state', job })),
  fc
    .tuple(uuids, fc.constantFrom(...ROUND_STEPS))
    .map(([round, step]): Channel => ({ kind: 'round', round, step })),
);
const addresses = fc.record({ fleet: fleets, device: devices, channel: channels });

/** The text again, by way of an address; the text itself when it is refused as it should be. */
const rebuilt = (text: string): string => {
  try {
    return topicOf(parseTopic(text));
  } catch (thrown) {
    return thrown instanceof NanofleetError && thrown.code === 'TOPIC_INVALID' ? text : 'another error';
  }
};

describe('topics', () => {
  it('are parsed into what they were built from, within the depth limit', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const topic = topicOf(address);
        expect(parseTopic(topic)).toEqual(address);
        expect(topic.split('/').length).toBeLessThanOrEqual(TOPIC_LEVELS_MAX);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('of any text are an address that builds the same text, or a typed error', () => {
    const pieces = fc.constantFrom(
      'nf',
      '1',
      'demo',
      '00',
      '03',
      'home-1',
      'birth',
      'job',
      '+',
      '#',
      '',
      'round',
      'plan',
      'offload',
      'req',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 9 }).map((levels) => levels.join('/')),
        ),
        (text) => {
          expect(rebuilt(text)).toBe(text);
        },
      ),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  it('name the shard of the device, and refuse another one', () => {
    const topic = topicOf({
      fleet: 'demo' as FleetId,
      device: 'home-1' as DeviceId,
      channel: { kind: 'beat' },
    });
    const wrong = allShards().find((shard) => shard !== shardOf('home-1' as DeviceId));
    expect(() => parseTopic(topic.replace(`/${shardOf('home-1' as DeviceId)}/`, `/${wrong}/`))).toThrow(
      /not a topic/,
    );
  });

  it('spread devices over all shards', () => {
    const used = new Set(Array.from({ length: 400 }, (_, index) => shardOf(`device-${index}` as DeviceId)));
    expect(used.size).toBe(16);
  });

  it('give a device no right on any topic of another device', () => {
    fc.assert(
      fc.property(addresses, devices, (address, other) => {
        fc.pre(address.device !== other);
        const rights = deviceRights(address.fleet, other);
        const topic = topicOf(address);
        expect([...rights.publish, ...rights.subscribe].filter((filter) => isCovered(topic, filter))).toEqual(
          [],
        );
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('let the controller hear each up channel of each device by the filters of its shard', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const isUp = (UP_CHANNELS as readonly string[]).includes(address.channel.kind);
        const heard = shardFilters(address.fleet, shardOf(address.device)).filter((f) =>
          isCovered(topicOf(address), f),
        );
        const isRoundOrState = address.channel.kind === 'round' || address.channel.kind === 'job/state';
        expect(heard.length).toBe(isUp || isRoundOrState ? 1 : 0);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('keep the shard of a device for ever', () => {
    expect(
      ['home-1', 'home-2', 'home-3', 'home-4', 'pump-1'].map((name) => shardOf(name as DeviceId)),
    ).toEqual(GOLDEN_SHARDS);
  });
});

const GOLDEN_SHARDS = ['08', '01', '14', '07', '09'];
