/**
 * What an enrolment leaves on the disk: identity, certificate, and nothing of an earlier enrolment. Owns the order: the
 * identity comes last, so that whoever finds one finds all that belongs to it.
 */
import { join } from 'node:path';
import type { Disk } from '@nanofleet/runtime/ports';
import { dropReleaseMetadata } from '../trust/trust-state.ts';
import { dropCertificate, type KeptCertificate, writeCertificate } from './device-certificate.ts';
import { type Identity, writeIdentity } from './identity.ts';
import { dropTrust } from './trust.ts';

/** Keeps an enrolment; run again, it does the same. Throws the disk's error. @param certificate null without TLS */
export const keepEnrolment = (
  disk: Disk,
  directory: string,
  { certificate, identity }: { identity: Identity; certificate: KeptCertificate | null },
): void => {
  // The token that was used now says whom to trust.
  dropTrust(disk, directory);
  dropReleaseMetadata(disk, directory);
  // A controller that was set up anew counts its versions from the beginning.
  disk.unlink(join(directory, 'desired.json'));
  if (certificate === null) dropCertificate(disk, directory);
  else writeCertificate(disk, directory, certificate);
  writeIdentity(disk, directory, identity);
};
