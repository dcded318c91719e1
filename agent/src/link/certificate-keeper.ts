/**
 * Keeps the certificate of a device good: renews it after two thirds of its lifetime, in the time that the device itself
 * counts, and when it is refused. The machine's clock is asked nothing: it may say 1970. Owns when; the file is the store's.
 */
import { CERTIFICATE_RENEW_SHARE, type DesiredTrust, toNanofleetError } from '@nanofleet/protocol';
import type { Disk, Log, TlsIdentity } from '@nanofleet/runtime/ports';
import type { AskCertificate } from '../ports/http-renewal.ts';
import {
  believedBy,
  findCertificate,
  type KeptCertificate,
  tlsIdentityOf,
  writeCertificate,
} from '../store/device-certificate.ts';
import type { DeviceKeys } from './tls-request.ts';

/** What it needs. */
export interface CertificateKeeperOptions {
  readonly disk: Disk;
  /** State directory. */
  readonly directory: string;
  readonly keys: DeviceKeys;
  readonly log: Log;
  readonly ask: AskCertificate;
}

/** The certificate of one device, if it has one. */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #key: string;
  #kept: KeptCertificate | null;
  #renewing: Promise<void> | null = null;

  /** @throws NanofleetError STATE_CORRUPT */
  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
    this.#key = options.keys.tls.export({ format: 'pem', type: 'pkcs8' }).toString();
    this.#kept = findCertificate(options.disk, options.directory);
  }

  /** What TLS is made of now; null without a certificate. */
  get tls(): TlsIdentity | null {
    return this.#kept === null ? null : tlsIdentityOf(this.#kept, this.#key);
  }

  /** Renews when it is time; never rejects. Called at an interval with the time that deadlines are kept in. */
  async check(nowMs: number): Promise<void> {
    const kept = this.#kept;
    if (kept === null) return;
    // Enrolment knows no time: the lifetime counts from the first look, and a refusal corrects what that misses.
    if (kept.takenAtMs === null) return this.#keep({ ...kept, takenAtMs: nowMs });
    if (nowMs - kept.takenAtMs < kept.lifetimeMs * CERTIFICATE_RENEW_SHARE) return;
    await this.#tryRenew(nowMs);
  }

  /**
   * Renews now, if there is a certificate; once at a time.
   * @throws NanofleetError of the controller, or CONTROLLER_UNREACHABLE
   */
  renew(nowMs: number): Promise<void> {
    this.#renewing ??= this.#renew(nowMs).finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Believes other authorities from now on, and gets a certificate of the newest; never rejects. */
  async believe({ authorities }: Pick<DesiredTrust, 'authorities'>, nowMs: number): Promise<void> {
    const kept = this.#kept;
    if (kept === null || authorities === undefined || authorities === kept.authorities) return;
    this.#keep({ ...kept, authorities });
    await this.#tryRenew(nowMs);
  }

  async #tryRenew(nowMs: number): Promise<void> {
    await this.renew(nowMs).catch((thrown: unknown) => {
      const { code, message } = toNanofleetError(thrown);
      this.#options.log.warn('certificate-not-renewed', { code, why: message });
    });
  }

  async #renew(nowMs: number): Promise<void> {
    const kept = this.#kept;
    if (kept === null) return;
    const last = { ...believedBy(kept), certificate: kept.certificate };
    const { certificate, lifetimeMs } = await this.#options.ask(last);
    this.#options.log.info('certificate-renewed');
    // Whom to believe is not taken from here: this answer is not signed.
    this.#keep({ ...(this.#kept ?? kept), certificate, lifetimeMs, takenAtMs: nowMs });
  }

  #keep(kept: KeptCertificate): void {
    this.#kept = kept;
    try {
      writeCertificate(this.#options.disk, this.#options.directory, kept);
    } catch (thrown) {
      this.#options.log.warn('certificate-not-written', { why: String(thrown) });
    }
  }
}
