/**
 * User names that a broker makes out of certificates: their whole subject, as mosquitto writes it (RFC 2253, last part
 * first). A device's holds a mark of its key, so that a certificate for another key of the same name is somebody else.
 * Pure; certificates with these subjects are made in `state/certificates.ts`.
 */
import { type DeviceId, type Digest, deviceIdSchema, type FleetId } from '@nanofleet/protocol';

/** 128 bits: nobody makes a second key for one. */
const MARK_DIGITS = 32;
const DEVICE = /^OU=[0-9a-f]{32},O=([a-z0-9-]+),CN=([a-z0-9-]+)$/;

/** What controllers come in as: who gives rights, and who speaks with devices. No device can be called so. */
export const CONTROLLER_NAMES = { rights: 'controller:rights', link: 'controller:link' } as const;

/** The mark of a key in certificates, out of the digest of its SubjectPublicKeyInfo. */
export const keyMarkOf = (keyDigest: Digest): string => keyDigest.slice(0, MARK_DIGITS);

/** The user of a device with certificates for this key. */
export const deviceUserOf = (fleet: FleetId, device: DeviceId, keyDigest: Digest): string =>
  `OU=${keyMarkOf(keyDigest)},O=${fleet},CN=${device}`;

/** A user of the controllers. */
export const controllerUserOf = (fleet: FleetId, role: keyof typeof CONTROLLER_NAMES): string =>
  `O=${fleet},CN=${CONTROLLER_NAMES[role]}`;

/** The device of a user; null for everybody else. */
export const deviceOfUser = (fleet: FleetId, username: string): DeviceId | null => {
  const [, ofFleet, name] = DEVICE.exec(username) ?? [];
  const device = deviceIdSchema.safeParse(name);
  return device.success && ofFleet === fleet ? device.data : null;
};
