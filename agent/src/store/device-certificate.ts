/**
 * The device's certificate and whom it believes, in one file that is replaced whole. Owns that file and what TLS is made
 * of; the private key stays in its own. Never judges dates: the machine's clock may be wrong.
 */
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { tlsGrantSchema } from '@nanofleet/protocol';
import type { Disk, TlsIdentity } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file.ts';

const schema = tlsGrantSchema.extend({
  /** Whether the fleet token pinned the authority; else certificates that the system trusts are good, too. */
  isPinned: z.boolean(),
  /** When it was first seen by this device, in the time that deadlines are kept in; null until then. */
  takenAtMs: z.number().nullable(),
});

/** A certificate with its surroundings. */
export type KeptCertificate = z.infer<typeof schema>;

const pathIn = (directory: string): string => join(directory, 'certificate.json');

/** Writes what a grant gave. Throws the disk's error. */
export const writeCertificate = (disk: Disk, directory: string, kept: KeptCertificate): void =>
  writeJsonFile(disk, pathIn(directory), kept);

/** Forgets a certificate of an earlier enrolment. */
export const dropCertificate = (disk: Disk, directory: string): void => disk.unlink(pathIn(directory));

/** The certificate in a state directory; null where there is none. @throws NanofleetError STATE_CORRUPT */
export const findCertificate = (disk: Disk, directory: string): KeptCertificate | null =>
  readJsonFile(disk, pathIn(directory), schema);

/** Whom a device with this certificate believes. */
export const believedBy = ({
  authorities,
  isPinned,
}: KeptCertificate): Required<Pick<TlsIdentity, 'ca'>> => ({
  ca: isPinned ? [authorities] : [...rootCertificates, authorities],
});

/** What a TLS client of this device shows and believes; `key` is the PEM of its private key. */
export const tlsIdentityOf = (kept: KeptCertificate, key: string): TlsIdentity => ({
  ...believedBy(kept),
  cert: kept.certificate,
  key,
});
