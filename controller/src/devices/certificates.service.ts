/**
 * Certificates for devices: the proofs that they are asked with, what a device is given, and the next one for a device
 * that is known. Never decides who enrols.
 */
import {
  CERTIFICATE_MS,
  type CertificateRequest,
  type DeviceId,
  type Digest,
  NanofleetError,
  type TlsGrant,
  type TlsRequest,
} from '@nanofleet/protocol';
import { isSignedBy, isSignedByTlsKey, sha256Of, tlsBindingOf } from '@nanofleet/protocol/node';
import type { Clock } from '@nanofleet/runtime/ports';
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../ports/clock.ts';
import { Identity } from '../state/identity.ts';
import { type DeviceRow, DevicesRepository } from './devices.repository.ts';
import { NoncesService } from './nonces.service.ts';
import { ReadmissionService } from './readmission.service.ts';

/** Who asks, with what. */
interface Asked {
  readonly device: DeviceId;
  /** Raw Ed25519 key of the device, base64. */
  readonly publicKey: string;
  /** Base64. */
  readonly nonce: string;
  readonly tls?: TlsRequest | undefined;
}

/** Certificates of devices. */
@Injectable()
export class CertificatesService {
  constructor(
    private readonly identity: Identity,
    private readonly repository: DevicesRepository,
    private readonly nonces: NoncesService,
    private readonly readmission: ReadmissionService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The next certificate of a device, by its own key alone: its last one may have run out while it was away.
   * @throws NanofleetError NONCE_INVALID, DEVICE_UNKNOWN, DEVICE_REVOKED, INPUT_INVALID, NOT_FOUND where nobody gets one
   */
  async renew(request: CertificateRequest): Promise<TlsGrant> {
    this.nonces.check(request.nonce);
    const { device } = request;
    const known = (await this.repository.one(device)) ?? (await this.#again(request));
    if (known.revokedAt !== null)
      throw new NanofleetError('DEVICE_REVOKED', `The device ${device} was revoked.`);
    const tlsKey = this.keyAskedFor({ ...request, publicKey: known.publicKey });
    const grant = await this.grantFor(request);
    if (tlsKey === null || grant === null)
      throw new NanofleetError(
        'NOT_FOUND',
        'This controller gives no certificates: nothing of it speaks TLS.',
      );
    await this.repository.setAccess(device, { credentialHash: known.credentialHash, tlsKey });
    return grant;
  }

  /** A device that a restored database does not know, if it can show that it enrolled here. */
  async #again(request: CertificateRequest): Promise<DeviceRow> {
    const { device, evidence } = request;
    if (evidence !== undefined) {
      this.keyAskedFor({ ...request, publicKey: evidence.publicKey });
      await this.readmission.readmit(request);
    }
    const known = await this.repository.one(device);
    if (known !== undefined) return known;
    throw new NanofleetError('DEVICE_UNKNOWN', `No device named ${device} is enrolled; enrol it again.`);
  }

  /**
   * Digest of the TLS key in a request, once both keys have signed for it; null when none is asked for, or none is given here.
   * @throws NanofleetError INPUT_INVALID
   */
  keyAskedFor({ nonce, publicKey, tls }: Asked): Digest | null {
    if (tls === undefined || this.identity.authority === null) return null;
    const spki = Buffer.from(tls.publicKey, 'base64');
    const bytes = tlsBindingOf(Buffer.from(nonce, 'base64'), spki);
    if (!isSignedByTlsKey(spki, { bytes, signature: tls.proof }))
      throw unproven('proof', 'the P-256 key in it');
    if (!isSignedBy(Buffer.from(publicKey, 'base64'), { bytes, signature: tls.bond }))
      throw unproven('bond', "the device's own key");
    return sha256Of(spki);
  }

  /** What a device is given for the key that `keyAskedFor` has accepted. */
  async grantFor({ device, tls }: Pick<Asked, 'device' | 'tls'>): Promise<TlsGrant | null> {
    const { authority } = this.identity;
    if (tls === undefined || authority === null) return null;
    const spki = Buffer.from(tls.publicKey, 'base64');
    const certificate = await authority.certifyDevice(device, { spki, nowMs: this.clock.unixMs() });
    return { certificate, authorities: authority.certificate, lifetimeMs: CERTIFICATE_MS };
  }
}

const unproven = (field: string, key: string) =>
  new NanofleetError(
    'INPUT_INVALID',
    `tls.${field}: it is no signature of ${key} over this nonce and this key.`,
  );
