/**
 * Enrolment: a fleet token and a key that the device proves to hold give it a name, a group and a credential. The
 * answer is signed over the device's nonce. The same key may ask again under its name, because an answer can be lost:
 * that costs no further use. Never hands a name to another key.
 */

import {
  CREDENTIAL_BYTES,
  type DeviceId,
  type GroupId,
  NanofleetError,
  type EnrolRequest as SentRequest,
  type TlsGrant,
  toNanofleetError,
} from '@nanofleet/protocol';
import { isSignedBy, sha256Of } from '@nanofleet/protocol/node';
import type { Clock, Log, Random } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { AuthRepository, type FleetTokenRow } from '../auth/auth.repository.ts';
import { AuthService, tokenUsedUp } from '../auth/auth.service.ts';
import { DATABASE, type Database, isDuplicate } from '../db/database.ts';
import { TimelineService } from '../history/timeline.service.ts';
import { CLOCK } from '../ports/clock.ts';
import { factsOf, LOG } from '../ports/log.ts';
import { RANDOM } from '../ports/random.ts';
import { Identity } from '../state/identity.ts';
import { CertificatesService } from './certificates.service.ts';
import { DesiredService } from './desired.service.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';
import { DevicesService } from './devices.service.ts';
import { ReplacementService } from './replacement.service.ts';

/** What a device asks with; a token id that is none is an unknown one. */
type EnrolRequest = Omit<SentRequest, 'tokenId'> & { readonly tokenId: string };

/** What opens doors for a device: a row's columns. */
type Access = Pick<DeviceRow, 'credentialHash' | 'tlsKey'>;

/** Enrolment of devices. */
@Injectable()
export class EnrolmentService {
  constructor(
    private readonly auth: AuthService,
    private readonly tokens: AuthRepository,
    private readonly devices: DevicesRepository,
    private readonly desired: DesiredService,
    private readonly timeline: TimelineService,
    private readonly members: DevicesService,
    private readonly certificates: CertificatesService,
    private readonly replacements: ReplacementService,
    private readonly identity: Identity,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(RANDOM) private readonly random: Random,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /**
   * Enrols a device.
   * @throws NanofleetError FLEET_TOKEN_UNKNOWN, FLEET_TOKEN_EXPIRED, FLEET_TOKEN_USED_UP, DEVICE_NAME_TAKEN,
   * DEVICE_REVOKED, INPUT_INVALID (proof), SETTING_INVALID (no publisher)
   */
  async enrol(request: EnrolRequest): Promise<{ signed: string; signature: string }> {
    if (this.identity.publisherKeys.length === 0) throw noPublisher();
    const token = await this.auth.fleetTokenOf(request.tokenId, request.secret);
    requireProof(request);
    const credential = Buffer.from(this.random.bytes(CREDENTIAL_BYTES)).toString('base64url');
    const tlsKey = this.certificates.keyAskedFor(request);
    const access = { credentialHash: sha256Of(credential), tlsKey };
    const group = await this.#admit(request, { token, access });
    const { device } = request;
    this.timeline.note({ kind: 'device-enrolled', key: device, device, group });
    await this.#letIn(device, credential);
    await this.desired.refreshDevice(device);
    const tls = await this.certificates.grantFor(request);
    return this.#answer(request, { group, credential, ...(tls === null ? {} : { tls }) });
  }

  /** A broker that is away does not keep a device from enrolling: refused there, it asks to be let in. */
  async #letIn(device: DeviceId, credential: string): Promise<void> {
    await this.members.grant(device, credential).catch((thrown: unknown) => {
      if (toNanofleetError(thrown).code !== 'BROKER_UNAVAILABLE') throw thrown;
      this.log.warn('a device has no rights at the broker yet', { device, ...factsOf(thrown) });
    });
  }

  async #admit(
    request: EnrolRequest,
    { token, access }: { token: FleetTokenRow; access: Access },
  ): Promise<GroupId> {
    const known = await this.devices.one(request.device);
    if (token.device !== null && token.device !== request.device) throw forAnother(token.device);
    const isReplaced = token.device !== null && known?.publicKey !== request.publicKey;
    if (isReplaced) return this.replacements.takeOver(request, { token, access });
    if (known !== undefined) return this.#again(request, { known, access });
    try {
      return await this.#add(request, { token, access });
    } catch (thrown) {
      // Two devices asked for one name at the same moment.
      throw isDuplicate(thrown) ? nameTaken(request.device) : thrown;
    }
  }

  async #again(
    request: EnrolRequest,
    { known, access }: { known: DeviceRow; access: Access },
  ): Promise<GroupId> {
    if (known.publicKey !== request.publicKey) throw nameTaken(request.device);
    if (known.revokedAt !== null) {
      throw new NanofleetError(
        'DEVICE_REVOKED',
        `The device ${request.device} was revoked; enrol it under another name with a new key.`,
      );
    }
    await this.devices.setAccess(request.device, access);
    return known.deviceGroup;
  }

  #add(request: EnrolRequest, { token, access }: { token: FleetTokenRow; access: Access }): Promise<GroupId> {
    const enrolledAt = this.clock.unixMs();
    return this.database.transaction(async (transaction) => {
      const deviceGroup = await this.tokens.takeUse(transaction, token.id, enrolledAt);
      if (deviceGroup === undefined) throw tokenUsedUp(token.name);
      const { device, publicKey } = request;
      await this.devices.add(transaction, { device, deviceGroup, publicKey, enrolledAt, ...access });
      return deviceGroup;
    });
  }

  #answer(request: EnrolRequest, given: { group: GroupId; credential: string; tls?: TlsGrant }) {
    const signed = JSON.stringify({
      fleet: this.identity.fleet,
      device: request.device,
      ...given,
      nonce: request.nonce,
      brokerUrl: this.identity.brokerUrl,
      controllerKey: this.identity.publicKey,
      publisherKeys: this.identity.publisherKeys,
    });
    return { signed, signature: this.identity.sign(signed) };
  }
}

const requireProof = ({ nonce, proof, publicKey }: EnrolRequest): void => {
  const isProven = isSignedBy(Buffer.from(publicKey, 'base64'), {
    bytes: Buffer.from(nonce, 'base64'),
    signature: proof,
  });
  if (isProven) return;
  throw new NanofleetError(
    'INPUT_INVALID',
    'proof: it is no signature of the given key over the bytes of the nonce.',
  );
};

const noPublisher = () =>
  new NanofleetError(
    'SETTING_INVALID',
    'This controller knows no publisher, so that devices could not trust any model; start it with --publisher-key.',
  );

const forAnother = (device: DeviceId) =>
  new NanofleetError(
    'INPUT_INVALID',
    `device: this fleet token replaces ${device} and lets no other in; enrol with --name ${device}.`,
    { facts: { device } },
  );

const nameTaken = (device: DeviceId) =>
  new NanofleetError(
    'DEVICE_NAME_TAKEN',
    `A device named ${device} is enrolled already with another key; choose another --name, or let this one take over: nanofleet devices replace ${device}.`,
    { facts: { device } },
  );
