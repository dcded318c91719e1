/**
 * Who is at the other end of a TLS connection, by the certificate that the handshake has verified. Owns reading it; never
 * decides whether its holder may come in.
 */
import { TLSSocket } from 'node:tls';
import { type DeviceId, type Digest, deviceIdSchema, type FleetId, fleetIdSchema } from '@nanofleet/protocol';
import { keyDigestOf } from '@nanofleet/protocol/node';

/** The holder of a certificate of a fleet. */
export interface CertificateHolder {
  readonly fleet: FleetId;
  readonly device: DeviceId;
  /** SHA-256 of its public key. */
  readonly keyDigest: Digest;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Whether a stream is TLS. */
export const isEncrypted = (stream: unknown): boolean => stream instanceof TLSSocket;

/** Whether the certificate of a client is ours, and only its time is over. */
export const isOutOfDate = ({ authorizationError }: TLSSocket): boolean =>
  String(authorizationError) === 'CERT_HAS_EXPIRED';

/** The device behind a stream; null without TLS, or without a certificate that our authority has signed. */
export const holderOf = (stream: unknown): CertificateHolder | null => {
  if (!(stream instanceof TLSSocket) || !stream.authorized) return null;
  // Also after a resumed handshake, which verifies nothing anew: the ticket carries the certificate.
  const certificate = stream.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const names = new Map(
    certificate.subject.split('\n').map((part) => part.split('=', 2) as [string, string | undefined]),
  );
  const fleet = fleetIdSchema.safeParse(names.get('O'));
  const device = deviceIdSchema.safeParse(names.get('CN'));
  if (!fleet.success || !device.success) return null;
  return {
    fleet: fleet.data,
    device: device.data,
    keyDigest: keyDigestOf(certificate),
    expiresAtMs: Date.parse(certificate.validTo),
  };
};
