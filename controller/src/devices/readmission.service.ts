/**
 * Lets devices come back that enrolled after a backup which was restored since: the database knows nothing of them, but
 * they hold a certificate of the fleet's authority. Owns who may, and that it is noted. Whoever the operator named as
 * revoked at the restore has a row, and so never gets here.
 */
import { X509Certificate } from 'node:crypto';
import {
  type CertificateRequest,
  type DeviceId,
  type Digest,
  type GroupId,
  NanofleetError,
  READMISSION_MS,
} from '@nanofleet/protocol';
import { keyDigestOf, parseCertificate, sha256Of } from '@nanofleet/protocol/node';
import type { Clock, Log } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { type Restored, restoredOf } from '../backup/after-restore.ts';
import { DATABASE, type Database, isDuplicate } from '../db/database.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { LOG } from '../ports/log.ts';
import { Identity } from '../state/identity.ts';
import { DevicesRepository } from './devices.repository.ts';

/** Where they are until an operator moves them: which group they had, only the lost rows knew. */
const GROUP = 'readmitted' as GroupId;
/** A certificate says that it began this much before it was made, and controllers' clocks may differ. */
const SKEW_MS = 3_600_000;

/** The beginning of 2024; a column of 32 bits counts seconds from there until 2092. */
const VERSIONS_SINCE_MS = 1_704_067_200_000;

/** Readmission. */
@Injectable()
export class ReadmissionService {
  constructor(
    private readonly repository: DevicesRepository,
    private readonly timeline: TimelineService,
    private readonly identity: Identity,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /**
   * Makes an unknown device known again by its certificate; its proofs for both keys have been checked.
   * @throws NanofleetError DEVICE_UNKNOWN when nothing was restored lately, or the certificate does not show it
   */
  async readmit({ device, evidence, tls }: CertificateRequest): Promise<void> {
    const restored = await restoredOf(this.database);
    if (restored === null || evidence === undefined) throw unknown(device);
    const spki = Buffer.from(tls.publicKey, 'base64');
    const tlsKey = sha256Of(spki);
    if (!this.#shows(evidence.certificate, { device, restored, tlsKey })) throw unknown(device);
    await this.#add({ device, publicKey: evidence.publicKey, tlsKey }, restored);
  }

  async #add(
    { device, publicKey, tlsKey }: { device: DeviceId; publicKey: string; tlsKey: Digest },
    restored: Restored,
  ): Promise<void> {
    // Seconds outgrow whatever number of changes it was told of before: it ignores versions that it has passed.
    const desiredVersion = Math.floor((this.clock.unixMs() - VERSIONS_SINCE_MS) / 1_000);
    const row = { device, deviceGroup: GROUP, publicKey, tlsKey, credentialHash: null, desiredVersion };
    await this.repository
      .add(this.database, { ...row, enrolledAt: this.clock.unixMs() })
      .catch((thrown: unknown) => {
        // Another controller was quicker, with the same proofs.
        if (!isDuplicate(thrown)) throw thrown;
      });
    this.log.warn('a device is back that the restored backup did not know', { device, backup: restored.id });
    this.timeline.note({
      kind: 'device-readmitted',
      key: `${device} ${restored.id}`,
      device,
      group: GROUP,
      detail: `by its certificate; the backup ${restored.id} of ${new Date(restored.createdAt).toISOString()} does not know it`,
    });
  }

  /** Whether a certificate shows that its holder enrolled here, after the backup, and not too long ago. */
  #shows(
    pem: string,
    { device, restored, tlsKey }: { device: DeviceId; restored: Restored; tlsKey: Digest },
  ): boolean {
    const nowMs = this.clock.unixMs();
    const authority = this.identity.authority;
    if (authority === null || nowMs > restored.at + READMISSION_MS) return false;
    const certificate = parseCertificate(pem);
    const issuer = new X509Certificate(authority.certificate);
    const isOurs = certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
    const isIts =
      keyDigestOf(certificate) === tlsKey && subjectOf(certificate) === `${this.identity.fleet}/${device}`;
    const isLater = Date.parse(certificate.validFrom) + 2 * SKEW_MS >= restored.createdAt;
    return isOurs && isIts && isLater && Date.parse(certificate.validTo) > nowMs;
  }
}

const subjectOf = ({ subject }: X509Certificate): string => {
  const names = new Map(
    subject.split('\n').map((part) => part.split('=', 2) as [string, string | undefined]),
  );
  return `${names.get('O')}/${names.get('CN')}`;
};

const unknown = (device: DeviceId) =>
  new NanofleetError('DEVICE_UNKNOWN', `No device named ${device} is enrolled; enrol it again.`);
