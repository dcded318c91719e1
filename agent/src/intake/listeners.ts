/**
 * The listeners for local programs: a Unix socket that file modes protect, and a loopback port that a token protects.
 * Owns socket paths, modes and stale files; never the answers.
 */
import { chmodSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { LOCAL_CONNECTIONS_MAX, NanofleetError, SOCKET_PATH_BYTES_MAX } from '@nanofleet/protocol';
import { removeSocket, statOfSocket } from '@nanofleet/protocol/node';

const SOCKET_MODE = 0o660;
const LOOPBACK = '127.0.0.1';

/** An open listener. */
export interface Listener {
  /** Port of a TCP listener; 0 for a socket. */
  readonly port: number;
  close(): Promise<void>;
}

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';

const makeServer = (answer: RequestListener): Server => {
  // A stream may be sent for as long as its program lives, so a request has no time limit; its head has.
  const server = createServer(
    { requestTimeout: 0, headersTimeout: 10_000, keepAliveTimeout: 120_000 },
    answer,
  );
  server.maxConnections = LOCAL_CONNECTIONS_MAX;
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  return server;
};

const listen = (server: Server, where: { path: string } | { port: number; host: string }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });

const closing = (server: Server) => (): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** Whether somebody answers on a socket. */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });

const makeRoom = async (path: string): Promise<void> => {
  const found = await statOfSocket(path);
  if (found === null) return;
  if (!found.isSocket()) {
    throw new NanofleetError('SETTING_INVALID', `${path} is a file, not a socket. Give another --socket.`);
  }
  if (await isAnswered(path)) {
    throw new NanofleetError(
      'SOCKET_IN_USE',
      `another process listens on ${path}. End it, or give another --socket.`,
    );
  }
  await removeSocket(path);
};

/**
 * Listens on a Unix socket of mode 0660; a file that nobody answers on is removed first.
 * @throws NanofleetError SOCKET_PATH_TOO_LONG, SOCKET_IN_USE, SETTING_INVALID
 */
export const listenOnSocket = async (path: string, answer: RequestListener): Promise<Listener> => {
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    const problem = `the socket path ${path} has ${bytes} bytes; at most ${SOCKET_PATH_BYTES_MAX} work. Give a shorter one with --socket.`;
    throw new NanofleetError('SOCKET_PATH_TOO_LONG', problem, {
      facts: { bytes, bytesMax: SOCKET_PATH_BYTES_MAX },
    });
  }
  await makeRoom(path);
  const server = makeServer(answer);
  await listen(server, { path });
  chmodSync(path, SOCKET_MODE);
  return { port: 0, close: closing(server) };
};

/**
 * Listens on a port of 127.0.0.1; 0 takes a free one.
 * @throws NanofleetError PORT_TAKEN
 */
export const listenOnLoopback = async (port: number, answer: RequestListener): Promise<Listener> => {
  const server = makeServer(answer);
  try {
    await listen(server, { port, host: LOOPBACK });
  } catch (cause) {
    if (codeOf(cause) !== 'EADDRINUSE') throw cause;
    throw new NanofleetError(
      'PORT_TAKEN',
      `another process listens on port ${port}. Give another --http, or 0.`,
      {
        cause,
        facts: { port },
      },
    );
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: closing(server),
  };
};
