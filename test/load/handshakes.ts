// TLS handshakes and nothing after them, one after the other, with the certificate of a device: what a server pays for each,
// full and with the session of an earlier one.
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { TlsIdentity } from '@nanofleet/runtime/ports';

/** In TLS 1.3 the ticket comes after the handshake; a server that sends none is not waited for. */
const TICKET_WITHIN_MS = 5_000;

interface Given {
  readonly port: number;
  readonly tls: TlsIdentity;
  readonly session?: Buffer;
}

/** One handshake that is not resumed; the session that the server gave with it. */
async function sessionOf(given: Given): Promise<Buffer> {
  const socket = open(given);
  const signal = AbortSignal.timeout(TICKET_WITHIN_MS);
  const [session] = (await once(socket, 'session', { signal })) as [Buffer];
  await over(socket);
  return session;
}

/** So many handshakes one after the other. Returns how many of them were resumed. */
export async function shakeHands(given: Omit<Given, 'session'>, kind: 'full' | 'resumed', count: number) {
  const resumable = kind === 'resumed' ? { session: await sessionOf(given) } : {};
  let resumed = 0;
  for (let at = 0; at < count; at += 1) {
    const socket = open({ ...given, ...resumable });
    await once(socket, 'secureConnect');
    if (socket.isSessionReused()) resumed += 1;
    await over(socket);
  }
  return resumed;
}

const open = ({ port, tls, session }: Given): TLSSocket => {
  const { ca, cert, key } = tls;
  const own = {
    cert,
    key,
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(session === undefined ? {} : { session }),
  };
  return connect({ host: '127.0.0.1', port, minVersion: 'TLSv1.3', ...own });
};

async function over(socket: TLSSocket): Promise<void> {
  const closed = once(socket, 'close');
  socket.end();
  socket.resume();
  await closed;
}
