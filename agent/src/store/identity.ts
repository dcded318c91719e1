/**
 * Who the device is: names, credential, keys and the fingerprints that its fleet token pinned. Written once by
 * enrolment, mode 0600; never sent anywhere, never logged.
 */

import { join } from 'node:path';
import {
  deviceIdSchema,
  digestSchema,
  fleetIdSchema,
  groupIdSchema,
  NanofleetError,
} from '@nanofleet/protocol';
import { pinnedRootSchema } from '@nanofleet/protocol/node';
import type { Disk } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file.ts';

const identitySchema = z.object({
  fleet: fleetIdSchema,
  device: deviceIdSchema,
  group: groupIdSchema,
  /** Password at the broker and for blobs. */
  credential: z.string().min(1),
  brokerUrl: z.url(),
  /** Where blobs are. */
  controllerUrl: z.url(),
  /** Raw Ed25519 public key, base64; its fingerprint was pinned. */
  controllerKey: z.base64(),
  /** Fingerprints of the keys whose bundles may run here. */
  publisherFingerprints: z.array(digestSchema).min(1),
  /** The root of the publishers' metadata that the token pinned; left out where the fleet had none then. */
  root: pinnedRootSchema.optional(),
});

/** The identity of an enrolled device. */
export type Identity = z.infer<typeof identitySchema>;

const pathIn = (directory: string): string => join(directory, 'identity.json');

/** The identity in a state directory; null before enrolment. @throws NanofleetError STATE_CORRUPT */
export const findIdentity = (disk: Disk, directory: string): Identity | null =>
  readJsonFile(disk, pathIn(directory), identitySchema);

/** The identity in a state directory. @throws NanofleetError DEVICE_NOT_ENROLLED or STATE_CORRUPT */
export const readIdentity = (disk: Disk, directory: string): Identity => {
  const identity = findIdentity(disk, directory);
  if (identity !== null) return identity;
  throw new NanofleetError(
    'DEVICE_NOT_ENROLLED',
    `${directory} holds no identity. Run: nanofleet-agent enrol --dir ${directory} --token TOKEN --name NAME`,
    { facts: { path: directory } },
  );
};

/** Writes the identity. Throws the disk's error. */
export const writeIdentity = (disk: Disk, directory: string, identity: Identity): void =>
  writeJsonFile(disk, pathIn(directory), identity);
