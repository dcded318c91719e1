/**
 * Every MQTT topic of nanofleet, built and parsed. The only file with a topic string:
 * `nf/1/{fleet}/{shard}/{device}/{channel}[/{id}[/{step}]]`, at most 8 levels. Never decides who may use which topic;
 * `deviceRights` states what a broker has to enforce.
 */
import { NanofleetError } from './errors.ts';
import {
  type DeviceId,
  deviceIdSchema,
  type FleetId,
  fleetIdSchema,
  type Shard,
  shardOf,
  type Uuid,
  uuidSchema,
} from './ids.ts';

const PREFIX = 'nf/1';

/** Channels a device publishes on. */
export const UP_CHANNELS = [
  'birth',
  'death',
  'beat',
  'reported',
  'event',
  'offload/req',
  'blob/req',
] as const;
/** Channels the controller publishes on. */
export const DOWN_CHANNELS = ['desired', 'offload/res', 'ack', 'blob/res'] as const;
/** Steps of a federated round, in their order. */
export const ROUND_STEPS = [
  'plan',
  'accept',
  'keys',
  'shares',
  'masked',
  'unmask',
  'update',
  'result',
] as const;

export type UpChannel = (typeof UP_CHANNELS)[number];
export type DownChannel = (typeof DOWN_CHANNELS)[number];
export type RoundStep = (typeof ROUND_STEPS)[number];

/** What follows the device in a topic. */
export type Channel =
  | { readonly kind: UpChannel | DownChannel }
  | { readonly kind: 'job'; readonly job: Uuid }
  | { readonly kind: 'job/state'; readonly job: Uuid }
  | { readonly kind: 'round'; readonly round: Uuid; readonly step: RoundStep };

/** A topic taken apart. */
export interface Address {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  readonly channel: Channel;
}

const tail = (channel: Channel): string => {
  switch (channel.kind) {
    case 'job':
      return `job/${channel.job}`;
    case 'job/state':
      return `job/${channel.job}/state`;
    case 'round':
      return `round/${channel.round}/${channel.step}`;
    default:
      return channel.kind;
  }
};

const deviceRoot = (fleet: FleetId, device: DeviceId): string =>
  `${PREFIX}/${fleet}/${shardOf(device)}/${device}`;

/** The topic of one channel of one device. */
export const topicOf = (address: Address): string =>
  `${deviceRoot(address.fleet, address.device)}/${tail(address.channel)}`;

const SIMPLE = new Set<string>([...UP_CHANNELS, ...DOWN_CHANNELS]);

const parseChannel = (levels: readonly string[]): Channel | undefined => {
  const joined = levels.join('/');
  if (SIMPLE.has(joined)) return { kind: joined as UpChannel | DownChannel };
  const id = uuidSchema.safeParse(levels[1]);
  if (!id.success) return undefined;
  if (levels[0] === 'job' && levels.length === 2) return { kind: 'job', job: id.data };
  if (levels[0] === 'job' && levels.length === 3 && levels[2] === 'state')
    return { kind: 'job/state', job: id.data };
  const step = ROUND_STEPS.find((known) => known === levels[2]);
  return levels[0] === 'round' && levels.length === 3 && step !== undefined
    ? { kind: 'round', round: id.data, step }
    : undefined;
};

/**
 * Takes a topic apart; the inverse of `topicOf`.
 * @throws NanofleetError TOPIC_INVALID for anything that `topicOf` would not have built, a wrong shard included.
 */
export const parseTopic = (topic: string): Address => {
  const [root, version, fleetText, shard, deviceText, ...rest] = topic.split('/');
  const fleet = fleetIdSchema.safeParse(fleetText);
  const device = deviceIdSchema.safeParse(deviceText);
  const channel = parseChannel(rest);
  const fits = `${root}/${version}` === PREFIX && fleet.success && device.success && channel !== undefined;
  if (!fits || shard !== shardOf(device.data)) {
    throw new NanofleetError(
      'TOPIC_INVALID',
      `${JSON.stringify(topic.slice(0, 200))} is not a topic of nanofleet`,
    );
  }
  return { fleet: fleet.data, device: device.data, channel };
};

/** Topic filters through which a controller hears all devices of a shard; one per channel, `birth` included. */
export const shardFilters = (fleet: FleetId, shard: Shard): string[] => [
  ...UP_CHANNELS.map((channel) => `${PREFIX}/${fleet}/${shard}/+/${channel}`),
  `${PREFIX}/${fleet}/${shard}/+/job/+/state`,
  `${PREFIX}/${fleet}/${shard}/+/round/+/+`,
];

/** What a device listens to only while it fetches a blob by MQTT: few ever do, and brokers of older rights refuse it. */
export const blobFilter = (fleet: FleetId, device: DeviceId): string =>
  topicOf({ fleet, device, channel: { kind: 'blob/res' } });

/** Topic filters that a device subscribes to. Its own birth is among them: it shows a second user of its identity. */
export const deviceFilters = (fleet: FleetId, device: DeviceId): string[] => {
  const root = deviceRoot(fleet, device);
  return [
    ...DOWN_CHANNELS.filter((channel) => channel !== 'blob/res').map((channel) => `${root}/${channel}`),
    `${root}/birth`,
    `${root}/job/+`,
    `${root}/round/+/+`,
  ];
};

/** What a broker lets a device do: publish its up channels, read its down channels, and nothing of anybody else. */
export const deviceRights = (
  fleet: FleetId,
  device: DeviceId,
): { publish: string[]; subscribe: string[] } => {
  const root = deviceRoot(fleet, device);
  return {
    publish: [
      ...UP_CHANNELS.map((channel) => `${root}/${channel}`),
      `${root}/job/+/state`,
      `${root}/round/+/+`,
    ],
    subscribe: [...deviceFilters(fleet, device), blobFilter(fleet, device)],
  };
};

/** Everything of a fleet: what its controllers publish and read. */
export const fleetFilter = (fleet: FleetId): string => `${PREFIX}/${fleet}/#`;

/** Whether a topic (without wildcards) is covered by an MQTT filter of a device, whose only wildcards are `+` levels. */
export const isCovered = (topic: string, filter: string): boolean => {
  const levels = topic.split('/');
  const pattern = filter.split('/');
  return (
    levels.length === pattern.length &&
    pattern.every((level, index) => level === '+' || level === levels[index])
  );
};

/** The MQTT user name and client id of a device. */
export const clientIdOf = (fleet: FleetId, device: DeviceId): string => `${fleet}.${device}`;

/** The MQTT user name of a fleet's controllers; a device's can never be the same, for it holds no colon. */
export const controllerNameOf = (fleet: FleetId): string => `controller:${fleet}`;

/** The client id under which a shard is heard: whoever connects with it takes the session over from the one before. */
export const shardClientIdOf = (fleet: FleetId, shard: Shard): string => `controller:${fleet}:${shard}`;
