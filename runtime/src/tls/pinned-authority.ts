/**
 * Finds the certificate of an authority of which only the digest of its public key is known: takes what a server shows,
 * and keeps the one certificate that fits. Sends nothing: the connection that follows is verified by OpenSSL against the
 * certificate found, names included. Who lacks the authority's private key cannot pass that, whatever they show here.
 */
import { X509Certificate } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { type Digest, HANDSHAKE_MS, NanofleetError } from '@nanofleet/protocol';
import { keyDigestOf } from '@nanofleet/protocol/node';

/** Certificates that a server shows, its own first; more are nobody's honest chain. */
const CHAIN_MAX = 8;
const DEFAULT_PORT = 443;

/**
 * PEM of the authority's certificate.
 * @param url `https://` address of the server
 * @param keyDigest SHA-256 of the authority's public key (SubjectPublicKeyInfo)
 * @throws NanofleetError CONTROLLER_UNREACHABLE, CONTROLLER_IDENTITY_WRONG
 */
export const findAuthority = async (url: string, keyDigest: Digest): Promise<string> => {
  const shown = await chainOf(new URL(url));
  const found = shown.find((certificate) => keyDigestOf(certificate) === keyDigest);
  if (found !== undefined) return found.toString();
  const problem =
    `${new URL(url).origin} shows no certificate of the authority ${keyDigest.slice(0, 16)}… that is pinned. ` +
    'Either it is another controller, or something between reads along.';
  throw new NanofleetError('CONTROLLER_IDENTITY_WRONG', problem);
};

const chainOf = ({ hostname, origin, port }: URL): Promise<X509Certificate[]> =>
  new Promise((resolve, reject) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const unreachable = (cause: unknown): void => {
      const why = cause instanceof Error ? cause.message : String(cause);
      reject(new NanofleetError('CONTROLLER_UNREACHABLE', `${origin} does not answer: ${why}`, { cause }));
    };
    const socket = connect({
      host,
      port: port === '' ? DEFAULT_PORT : Number(port),
      // Nothing is believed and nothing is sent here; see above.
      rejectUnauthorized: false,
      timeout: HANDSHAKE_MS,
      minVersion: 'TLSv1.2',
    });
    socket.once('error', unreachable);
    socket.once('timeout', () =>
      socket.destroy(new NanofleetError('CONTROLLER_UNREACHABLE', 'no handshake')),
    );
    socket.once('secureConnect', () => {
      resolve(shownBy(socket));
      socket.destroy();
    });
  });

const shownBy = (socket: TLSSocket): X509Certificate[] => {
  const certificates: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && certificates.length < CHAIN_MAX) {
    certificates.push(new X509Certificate(next.raw));
    // A root is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return certificates;
};
