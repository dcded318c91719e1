/**
 * Rights of devices and controllers as commands for mosquitto's dynamic-security plugin. Pure. A device's role says
 * exactly what `deviceRights` of the protocol says; it is made whole in one message, which mosquitto runs at once, so
 * that two controllers never mix their halves.
 */
import {
  clientIdOf,
  controllerNameOf,
  type DeviceId,
  deviceIdSchema,
  deviceRights,
  type FleetId,
  fleetFilter,
} from '@nanofleet/protocol';

/** One command; its other fields depend on it (mosquitto-dynamic-security, "API"). */
export interface RightsCommand {
  readonly command: string;
  readonly [field: string]: unknown;
}

interface Acl {
  readonly acltype: 'publishClientSend' | 'publishClientReceive' | 'subscribeLiteral' | 'subscribePattern';
  readonly topic: string;
  readonly allow: true;
}

const roleOf = (fleet: FleetId, device: DeviceId): string => `device:${fleet}:${device}`;

const acl = (acltype: Acl['acltype'], topic: string): Acl => ({ acltype, topic, allow: true });

const aclsOf = (fleet: FleetId, device: DeviceId): Acl[] => {
  const { publish, subscribe } = deviceRights(fleet, device);
  return [
    ...publish.map((topic) => acl('publishClientSend', topic)),
    // Literal: only the very filters of the protocol are granted, as on the embedded broker.
    ...subscribe.map((topic) => acl('subscribeLiteral', topic)),
    ...subscribe.map((topic) => acl('publishClientReceive', topic)),
  ];
};

/** Takes all rights of a device; deleting a client ends its session. Both fail harmlessly when there is none. */
export const revocation = (fleet: FleetId, device: DeviceId): RightsCommand[] => [
  { command: 'deleteClient', username: clientIdOf(fleet, device) },
  { command: 'deleteRole', rolename: roleOf(fleet, device) },
];

/** Lets a device in under its credential, bound to its client id: nobody can take its session, nor it another's. */
export const grant = (fleet: FleetId, device: DeviceId, credential: string): RightsCommand[] => {
  const username = clientIdOf(fleet, device);
  const rolename = roleOf(fleet, device);
  return [
    ...revocation(fleet, device),
    { command: 'createRole', rolename, acls: aclsOf(fleet, device) },
    {
      command: 'createClient',
      username,
      clientid: username,
      password: credential,
      roles: [{ rolename }],
    },
  ];
};

/** Ends the sessions of a user and lets him come again: the plugin ends sessions of clients that it disables. */
export const interruptionOf = (username: string): RightsCommand[] =>
  ['disableClient', 'enableClient'].map((command) => ({ command, username }));

/** Likewise of a device that comes in with its credential. */
export const interruption = (fleet: FleetId, device: DeviceId): RightsCommand[] =>
  interruptionOf(clientIdOf(fleet, device));

/** The role of a device, with what it allows. */
export const roleFor = (fleet: FleetId, device: DeviceId) => ({
  rolename: roleOf(fleet, device),
  acls: aclsOf(fleet, device),
});

/** Takes all rights of a device that comes in with certificates; `users` are all that the plugin has of it. */
export const certificateRevocation = (
  fleet: FleetId,
  device: DeviceId,
  users: readonly string[],
): RightsCommand[] => [
  ...users.map((username) => ({ command: 'deleteClient', username })),
  { command: 'deleteRole', rolename: roleOf(fleet, device) },
];

/** Lets a device in with certificates for one key, and with none for another. Without a password, none fits. */
export const certificateGrant = (
  fleet: FleetId,
  device: DeviceId,
  { before, username }: { before: readonly string[]; username: string },
): RightsCommand[] => {
  const role = roleFor(fleet, device);
  return [
    ...certificateRevocation(fleet, device, before),
    { command: 'createRole', ...role },
    { command: 'createClient', username, roles: [{ rolename: role.rolename }] },
  ];
};

/** Nobody may do anything that no role allows. */
export const STRICT_DEFAULTS: readonly RightsCommand[] = [
  {
    command: 'setDefaultACLAccess',
    acls: [
      { acltype: 'publishClientSend', allow: false },
      { acltype: 'publishClientReceive', allow: false },
      { acltype: 'subscribe', allow: false },
      { acltype: 'unsubscribe', allow: true },
    ],
  },
];

/**
 * The controllers' own client: all topics of the fleet. With a password where it has no certificate; `mark` tells later
 * which one.
 */
export const controllerGrant = (
  fleet: FleetId,
  { login, username }: { username: string; login?: { mark: string; password: string } },
): RightsCommand[] => {
  const rolename = controllerNameOf(fleet);
  const topic = fleetFilter(fleet);
  const acls = (['publishClientSend', 'subscribePattern', 'publishClientReceive'] as const).map((acltype) =>
    acl(acltype, topic),
  );
  const shown = login === undefined ? {} : { password: login.password, textdescription: login.mark };
  return [
    { command: 'deleteClient', username },
    { command: 'deleteRole', rolename },
    { command: 'createRole', rolename, acls },
    { command: 'createClient', username, ...shown, roles: [{ rolename }] },
  ];
};

/** The devices of a fleet among user names that the plugin lists. */
export const devicesAmong = (fleet: FleetId, usernames: readonly string[]): DeviceId[] =>
  usernames.flatMap((username) => {
    const device = deviceIdSchema.safeParse(username.slice(fleet.length + 1));
    return device.success && clientIdOf(fleet, device.data) === username ? [device.data] : [];
  });

/** Whether a refused command left things as they were meant to be: what is not there is not to be taken away. */
export const isHarmless = (command: string, error: string): boolean =>
  /^(delete|disable|enable)/.test(command) && /not found/i.test(error);
