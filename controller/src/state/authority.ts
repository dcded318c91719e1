/**
 * The authority of a fleet: whose certificates devices and listeners have. Made at the first start, or given. Owns its key
 * file and its certificate; never decides who gets a certificate, and knows no listener.
 */
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CERTIFICATE_MS,
  type DeviceId,
  type Digest,
  type FleetId,
  NanofleetError,
} from '@nanofleet/protocol';
import {
  generateTlsKey,
  keyDigestOf,
  parseCertificate,
  readKeyFile,
  spkiOf,
  writeKeyFile,
} from '@nanofleet/protocol/node';
import type { Random } from '@nanofleet/runtime/ports';
import type { AuthorityFiles } from '../ports/settings.ts';
import type { Issuer } from './certificates.ts';

const KEY_FILE = 'ca.key.pem';
const CERTIFICATE_FILE = 'ca.pem';
/** Controllers of one fleet need not agree on the time to the second. */
const SKEW_MS = 3_600_000;

/** What an authority is opened with. */
export interface AuthorityOptions {
  readonly directory: string;
  readonly fleet: FleetId;
  /** Files that were given; null for its own below the directory. */
  readonly given: AuthorityFiles | null;
  readonly random: Random;
}

/** The authority. */
export class Authority {
  /** PEM of its certificate. */
  readonly certificate: string;
  /** SHA-256 of its public key, which fleet tokens pin. */
  readonly keyId: Digest;
  readonly #fleet: FleetId;
  readonly #key: KeyObject;
  readonly #random: Random;
  /** Opened when the first certificate is made: the library takes its time. */
  #issuer: Promise<Issuer> | null = null;

  private constructor(options: AuthorityOptions, made: { key: KeyObject; certificate: X509Certificate }) {
    this.certificate = made.certificate.toString();
    this.keyId = keyDigestOf(made.certificate);
    this.#fleet = options.fleet;
    this.#key = made.key;
    this.#random = options.random;
  }

  /**
   * Reads key and certificate, or makes them.
   * @throws NanofleetError KEY_FILE_INVALID
   */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const { directory, fleet, given, random } = options;
    const keyFile = given?.keyFile ?? join(directory, KEY_FILE);
    const certificateFile = given?.certificateFile ?? join(directory, CERTIFICATE_FILE);
    if (given === null && !existsSync(keyFile)) await writeKeyFile(keyFile, generateTlsKey());
    const key = await readKeyFile(keyFile, 'ec');
    if (given === null && !existsSync(certificateFile)) {
      const { makeAuthorityCertificate } = await import('./certificates.ts');
      await writeFile(certificateFile, await makeAuthorityCertificate(`nanofleet ${fleet}`, { key, random }));
    }
    return new Authority(options, { key, certificate: await readCertificate(certificateFile, key) });
  }

  /** Certificate for listeners, PEM. */
  async certifyListener(listener: { names: readonly string[]; key: KeyObject }): Promise<string> {
    const { makeServerCertificate } = await import('./certificates.ts');
    return makeServerCertificate(await this.#opened(), listener);
  }

  /** Certificate for the TLS key of a device, PEM, good from now (milliseconds since 1970) for CERTIFICATE_MS. */
  async certifyDevice(
    device: DeviceId,
    { spki, nowMs }: { spki: Uint8Array; nowMs: number },
  ): Promise<string> {
    const { makeDeviceCertificate } = await import('./certificates.ts');
    const validity = { fromMs: nowMs - SKEW_MS, untilMs: nowMs + CERTIFICATE_MS };
    return makeDeviceCertificate(await this.#opened(), { fleet: this.#fleet, device, spki, validity });
  }

  #opened(): Promise<Issuer> {
    this.#issuer ??= import('./certificates.ts').then(({ openIssuer }) =>
      openIssuer({ certificate: this.certificate, key: this.#key, random: this.#random }),
    );
    return this.#issuer;
  }
}

const readCertificate = async (path: string, key: KeyObject): Promise<X509Certificate> => {
  const refuse = (why: string, cause?: unknown) =>
    new NanofleetError('KEY_FILE_INVALID', `The authority's certificate ${path} was refused: ${why}.`, {
      cause,
      facts: { path },
    });
  const pem = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw refuse('it cannot be read', cause);
  });
  const certificate = parseCertificate(pem);
  if (!certificate.ca) throw refuse('it may not sign other certificates (basicConstraints without CA)');
  if (!spkiOf(certificate.publicKey).equals(spkiOf(createPublicKey(key))))
    throw refuse('it belongs to another key than the one beside it');
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw refuse('its key is not of the curve P-256');
  return certificate;
};
