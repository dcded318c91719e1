/**
 * Makes X.509 certificates: an authority's own, those of listeners, those of devices. Owns what stands in each of them;
 * never keeps a key and never decides who gets one. Loaded when the first one is made: the library takes its time.
 */
import 'reflect-metadata';
import { type KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { sha256Of, spkiOf } from '@nanofleet/protocol/node';
import type { Random } from '@nanofleet/runtime/ports';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { keyMarkOf } from '../link/certificate-names.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Positive, and longer than guessing can reach (RFC 5280, 4.1.2.2: at most 20 bytes). */
const SERIAL_BYTES = 16;
/**
 * From 1970 to the end of 9999, the date of "no well-defined expiration" (RFC 5280, 4.1.2.5): devices whose clock says
 * anything must be able to check these. They end by being replaced, which devices are told under a signature.
 */
const FOREVER = { fromMs: 0, untilMs: 253_402_300_799_000 };

/** A time span of a certificate, milliseconds since 1970. */
export interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Names as the library takes them. */
type Name = Record<string, string[]>[];

/** Who signs with which key. */
export interface Signer {
  readonly key: KeyObject;
  readonly random: Random;
}

/** An authority, ready to sign: reading its certificate and key again would take half the time of each certificate. */
export interface Issuer {
  readonly name: string;
  readonly keyIdentifier: Extension;
  readonly signingKey: webcrypto.CryptoKey;
  readonly random: Random;
}

interface Wanted {
  readonly subject: Name;
  readonly issuer: string | Name;
  readonly spki: Uint8Array;
  readonly signingKey: webcrypto.CryptoKey;
  readonly validity: Validity;
  readonly extensions: readonly Extension[];
  readonly random: Random;
}

cryptoProvider.set(webcrypto as never);

/** Reads the certificate (PEM) and the key of an authority. */
export const openIssuer = async ({
  certificate,
  key,
  random,
}: Signer & { certificate: string }): Promise<Issuer> => {
  const { publicKey, subject: name } = new X509Certificate(certificate);
  const keyIdentifier = await AuthorityKeyIdentifierExtension.create(publicKey);
  return { name, keyIdentifier, signingKey: await signingKeyOf(key), random };
};

/** Certificate of an authority over its own key, PEM. `name` tells operators whose it is. */
export const makeAuthorityCertificate = async (name: string, { key, random }: Signer): Promise<string> => {
  const subject = [{ CN: [name] }];
  const spki = spkiOf(key);
  const signingKey = await signingKeyOf(key);
  return make({
    ...{ subject, issuer: subject, spki, signingKey, random, validity: FOREVER },
    extensions: [
      // No authority below it: what it signs are listeners and devices.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(new PublicKey(spki)),
    ],
  });
};

/** Certificate of listeners for host names and addresses, PEM. */
export const makeServerCertificate = (
  issuer: Issuer,
  { names, key }: { names: readonly string[]; key: KeyObject },
): Promise<string> =>
  makeLeaf(issuer, {
    subject: [{ CN: [(names[0] ?? 'controller').slice(0, 64)] }],
    spki: spkiOf(key),
    validity: FOREVER,
    usage: ExtendedKeyUsage.serverAuth,
    more: [
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
      ),
    ],
  });

/** Certificate of a device over the key that it has proven to hold, PEM. */
export const makeDeviceCertificate = (
  issuer: Issuer,
  device: { fleet: string; device: string; spki: Uint8Array; validity: Validity },
): Promise<string> =>
  makeLeaf(issuer, {
    // The mark of the key tells brokers that look at nothing but the subject which of two of one name is the device.
    subject: [{ CN: [device.device] }, { O: [device.fleet] }, { OU: [keyMarkOf(sha256Of(device.spki))] }],
    spki: device.spki,
    validity: device.validity,
    usage: ExtendedKeyUsage.clientAuth,
    more: [],
  });

/** Certificate of a controller as a client of a broker, PEM; signed by its own key, to be trusted by itself. */
export const makeClientCertificate = async (
  name: string,
  { fleet, key, random }: Signer & { fleet: string },
): Promise<string> => {
  const subject = [{ CN: [name] }, { O: [fleet] }];
  const spki = spkiOf(key);
  const signingKey = await signingKeyOf(key);
  return make({
    ...{ subject, issuer: subject, spki, signingKey, random, validity: FOREVER },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      await SubjectKeyIdentifierExtension.create(new PublicKey(spki)),
    ],
  });
};

const makeLeaf = (
  { keyIdentifier, name: issuer, random, signingKey }: Issuer,
  leaf: Pick<Wanted, 'subject' | 'spki' | 'validity'> & { usage: ExtendedKeyUsage; more: Extension[] },
): Promise<string> =>
  make({
    ...{ subject: leaf.subject, spki: leaf.spki, validity: leaf.validity },
    ...{ issuer, signingKey, random },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([leaf.usage]),
      keyIdentifier,
      ...leaf.more,
    ],
  });

const signingKeyOf = (key: KeyObject): Promise<webcrypto.CryptoKey> => {
  const pkcs8 = key.export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);
};

const make = async (wanted: Wanted): Promise<string> => {
  const { extensions, issuer, random, signingKey, spki, subject, validity } = wanted;
  const made = await X509CertificateGenerator.create({
    ...{ subject, issuer, signingKey },
    serialNumber: Buffer.from(random.bytes(SERIAL_BYTES)).toString('hex'),
    publicKey: new PublicKey(spki),
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(validity.fromMs),
    notAfter: new Date(validity.untilMs),
    extensions: [...extensions],
  });
  return made.toString('pem');
};
