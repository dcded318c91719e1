/**
 * Rules of devices: who may come in, how they are shown, moving and revoking them, policies of groups. Never publishes
 * a desired state itself.
 */

import {
  type ApiAnswer,
  CREDENTIAL_BYTES,
  clientIdOf,
  type DeviceId,
  type DeviceSummary,
  type DeviceTags,
  deviceIdSchema,
  type ExplanationPolicy,
  type GroupId,
  IDENTITY_IN_USE_WAIT_MS,
  NanofleetError,
  type OffloadPolicy,
  type Transfer,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { type DeviceLogin, deviceLoginOf, fitsHash } from '../auth/bearer.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { Link } from '../link/link.ts';
import { type CertificateHolder, holderOf, isEncrypted } from '../link/peer-certificate.ts';
import { CLOCK } from '../ports/clock.ts';
import { Identity } from '../state/identity.ts';
import { DEFAULT_POLICIES } from './desired.plan.ts';
import { DesiredService } from './desired.service.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';
import type { StatedProblem } from './devices.tables.ts';
import { transferInWords } from './transfer.plan.ts';

/** What of a request says which device calls. */
export interface DeviceCall {
  readonly authorization: string | undefined;
  /** Its connection. */
  readonly stream: unknown;
}

/** Devices and their groups. */
@Injectable()
export class DevicesService {
  constructor(
    private readonly repository: DevicesRepository,
    private readonly desired: DesiredService,
    private readonly identity: Identity,
    private readonly link: Link,
    private readonly timeline: TimelineService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The device behind a client id and credential; null when they do not fit.
   * @throws NanofleetError DEVICE_REVOKED
   */
  async admit(login: DeviceLogin): Promise<DeviceId | null> {
    const name = deviceIdSchema.safeParse(login.clientId.slice(login.clientId.indexOf('.') + 1));
    if (!name.success || clientIdOf(this.identity.fleet, name.data) !== login.clientId) return null;
    const row = await this.repository.credentialOf(name.data);
    if (row !== undefined && row.revokedAt !== null) throw revoked(name.data);
    const hash = row?.hash ?? '';
    return fitsHash(login.credential, hash) ? name.data : null;
  }

  /**
   * The device of a certificate; null when it is out of date, or another key is the device's by now. Asked at each
   * connection: a resumed handshake has checked nothing, and a certificate outlives a revocation.
   * @throws NanofleetError DEVICE_REVOKED
   */
  async admitHolder({ device, expiresAtMs, fleet, keyDigest }: CertificateHolder): Promise<DeviceId | null> {
    if (fleet !== this.identity.fleet || expiresAtMs <= this.clock.unixMs()) return null;
    const row = await this.repository.credentialOf(device);
    if (row !== undefined && row.revokedAt !== null) throw revoked(device);
    return row?.tlsKey === keyDigest ? device : null;
  }

  /**
   * The device behind a request: by its certificate over TLS, by its credential on this machine.
   * @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, CERTIFICATE_INVALID, DEVICE_REVOKED
   */
  async callerOf({ authorization, stream }: DeviceCall): Promise<DeviceId> {
    if (isEncrypted(stream)) {
      const holder = holderOf(stream);
      const device = holder === null ? null : await this.admitHolder(holder);
      if (device === null) throw notCertified();
      return device;
    }
    const device = await this.admit(deviceLoginOf(authorization));
    if (device === null) throw notOurs();
    return device;
  }

  /**
   * Lets the caller in at the broker, which may have lost its rights: nobody but the device has its credential, of which
   * the database keeps a hash.
   * @throws NanofleetError TOKEN_MISSING, TOKEN_INVALID, CERTIFICATE_INVALID, DEVICE_REVOKED, BROKER_UNAVAILABLE
   */
  async readmit(call: DeviceCall): Promise<void> {
    const caller = await this.callerOf(call);
    const login = deviceLoginOf(call.authorization);
    if (isEncrypted(call.stream)) await this.#keepCredential(caller, login);
    const device = await this.admit(login);
    if (device === null) throw notOurs();
    await this.grant(device, login.credential);
  }

  /** Of a device that came back after a restore no hash is known; its certificate has said who it is. */
  async #keepCredential(device: DeviceId, { clientId, credential }: DeviceLogin): Promise<void> {
    const row = await this.repository.credentialOf(device);
    const isComplete = Buffer.from(credential, 'base64url').length >= CREDENTIAL_BYTES;
    if (row?.hash !== null || !isComplete || clientId !== clientIdOf(this.identity.fleet, device)) return;
    const access = { credentialHash: sha256Of(credential), tlsKey: row.tlsKey };
    await this.repository.setAccess(device, access);
  }

  /** Gives rights at the broker, and takes them back when the credential was taken from the device meanwhile. */
  async grant(device: DeviceId, credential: string): Promise<void> {
    const tlsKey = (await this.repository.credentialOf(device))?.tlsKey ?? null;
    await this.link.rights.grant(device, { credential, tlsKey });
    const row = await this.repository.credentialOf(device);
    const isStill = fitsHash(credential, row?.hash ?? '') && row?.tlsKey === tlsKey;
    if (!isStill) await this.link.rights.revoke(device);
  }

  /** Takes the rights of all at the broker who have lost them here while it could not be told. */
  async takeStaleRights(): Promise<void> {
    const granted = await this.link.rights.granted();
    if (granted.length === 0) return;
    const living = (await this.repository.some(granted)).filter(({ revokedAt }) => revokedAt === null);
    const names = new Set(living.map(({ device }) => device));
    for (const device of granted) if (!names.has(device)) await this.link.rights.revoke(device);
  }

  /** All devices. */
  async list(): Promise<DeviceSummary[]> {
    return (await this.repository.all()).map((row) => this.#summary(row));
  }

  /** One device; @throws NanofleetError DEVICE_UNKNOWN */
  async show(device: DeviceId): Promise<ApiAnswer<'device'>> {
    const row = await this.#known(device);
    const { agentVersion, beat, beatAt, session } = row;
    return { ...this.#summary(row), session, agentVersion, beat, beatAt };
  }

  /**
   * Cuts the session and all rights of a device, for good; again changes nothing.
   * @throws NanofleetError DEVICE_UNKNOWN; BROKER_UNAVAILABLE when it is revoked here and the broker hears of it later
   */
  async revoke(device: DeviceId): Promise<DeviceSummary> {
    const row = await this.#known(device);
    if (row.revokedAt === null) {
      await this.repository.revoke(device, this.clock.unixMs());
      this.timeline.note({ kind: 'device-revoked', key: device, device });
    }
    await this.link.rights.revoke(device);
    for (const kind of ['birth', 'reported', 'desired'] as const) await this.link.clearRetained(device, kind);
    return this.#summary(await this.#known(device));
  }

  /** Puts a device into another group; what it shall run follows. */
  async move(device: DeviceId, group: GroupId): Promise<DeviceSummary> {
    const row = await this.#known(device);
    if (row.revokedAt !== null) throw revoked(device);
    await this.repository.move(device, group);
    this.timeline.note({ kind: 'device-moved', key: this.#moment(device), device, group });
    await this.desired.refreshDevice(device);
    return this.#summary(await this.#known(device));
  }

  /** Sets the tags of a device; what it shall run follows. */
  async tag(device: DeviceId, tags: DeviceTags): Promise<DeviceSummary> {
    await this.#known(device);
    await this.repository.tag(device, tags);
    await this.desired.refreshDevice(device);
    return this.#summary(await this.#known(device));
  }

  /** All groups that have devices or a policy. */
  async groups() {
    const [sizes, policies] = await Promise.all([this.repository.groupSizes(), this.repository.policies()]);
    const names = [...new Set([...sizes.keys(), ...policies.keys()])].sort();
    return names.map((group) => ({
      group,
      ...(policies.get(group) ?? DEFAULT_POLICIES),
      devices: sizes.get(group) ?? 0,
    }));
  }

  /** Sets how far texts of a group may travel, and tells its devices. */
  async setPolicy(group: GroupId, offload: OffloadPolicy) {
    await this.repository.setPolicies(group, { offload });
    this.timeline.note({ kind: 'policy-set', key: this.#moment(group), group, detail: offload });
    return this.#refreshed(group);
  }

  /** Sets whether programs on devices of a group may be told which words decided, and tells the devices. */
  async setExplanations(group: GroupId, explanations: ExplanationPolicy) {
    await this.repository.setPolicies(group, { explanations });
    this.timeline.note({ kind: 'explanations-set', key: this.#moment(group), group, detail: explanations });
    return this.#refreshed(group);
  }

  /** Sets when and how fast devices of a group fetch, and tells them. */
  async setTransfer(group: GroupId, transfer: Transfer | null) {
    await this.repository.setPolicies(group, { transfer });
    this.timeline.note({
      kind: 'transfer-set',
      key: this.#moment(group),
      group,
      detail: transferInWords(transfer),
    });
    return this.#refreshed(group);
  }

  async #refreshed(group: GroupId) {
    await this.desired.refresh(group);
    const [sizes, policies] = await Promise.all([this.repository.groupSizes(), this.repository.policies()]);
    return { group, ...(policies.get(group) ?? DEFAULT_POLICIES), devices: sizes.get(group) ?? 0 };
  }

  /** Key of what an operator may do to the same thing again and again. */
  #moment(name: string): string {
    return `${name} ${this.clock.unixMs()}`;
  }

  async #known(device: DeviceId): Promise<DeviceRow> {
    const row = await this.repository.one(device);
    if (row !== undefined) return row;
    throw new NanofleetError(
      'DEVICE_UNKNOWN',
      `No device named ${device} is enrolled; see: nanofleet devices ls.`,
    );
  }

  #summary(row: DeviceRow): DeviceSummary {
    return {
      device: row.device,
      group: row.deviceGroup,
      tags: row.tags,
      status: statusOf(row),
      enrolledAt: row.enrolledAt,
      lastSeenAt: row.lastSeenAt,
      desiredVersion: row.desiredVersion,
      reportedVersion: row.reportedVersion,
      root: row.followedRoot,
      lines: row.lines,
      problems: problemsOf(row, this.clock.unixMs()),
    };
  }
}

const notOurs = () => new NanofleetError('TOKEN_INVALID', 'This is no credential of a device of this fleet.');

const revoked = (device: DeviceId) =>
  new NanofleetError('DEVICE_REVOKED', `The device ${device} was revoked; enrol it under another name.`, {
    facts: { device },
  });

const statusOf = (row: DeviceRow): DeviceSummary['status'] => {
  if (row.revokedAt !== null) return 'revoked';
  if (row.isOnline) return 'online';
  return row.lastSeenAt === null ? 'never-seen' : 'offline';
};

/** The device's own problems, and the one that two processes with its identity overwrite for each other. */
const problemsOf = (row: DeviceRow, nowMs: number): StatedProblem[] => {
  const stated = row.problems.filter(({ code }) => code !== 'IDENTITY_IN_USE');
  const inConflict = row.conflictAt !== null && nowMs - row.conflictAt < IDENTITY_IN_USE_WAIT_MS;
  if (!inConflict) return stated;
  const message = `Two processes use the identity ${row.device}; stop one of them, or enrol it under a name of its own.`;
  return [...stated, { code: 'IDENTITY_IN_USE', message }];
};

const notCertified = () =>
  new NanofleetError(
    'CERTIFICATE_INVALID',
    'This connection has no certificate that is good for a device of this fleet now; renew it, or enrol again.',
  );
