/**
 * The last TLS session of a client, in memory, offered at its next connection: half the work of a full handshake on both
 * sides. Belongs to one address and one certificate, because a resumed session goes on with the certificate that it
 * began with.
 */
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ConnectOptions } from '../ports/transport.ts';

type Place = Pick<ConnectOptions, 'tls' | 'url'>;

/** Sessions of one transport. */
export class TlsSessions {
  #place = '';
  #session: Buffer | null = null;

  /** Options that offer the session, if there is one for this place. */
  offer(place: Place): { session?: Buffer } {
    return this.#session === null || this.#place !== keyOf(place) ? {} : { session: this.#session };
  }

  /** Keeps what the server gives: in TLS 1.3 after the handshake, and more than once. */
  keepOf(stream: Duplex, place: Place): void {
    if (!(stream instanceof TLSSocket)) return;
    stream.on('session', (session) => {
      this.#place = keyOf(place);
      this.#session = session;
    });
  }

  /** A server that refuses is met anew. */
  forget(): void {
    this.#session = null;
  }
}

const keyOf = ({ tls, url }: Place): string => `${url} ${tls?.cert ?? ''}`;
