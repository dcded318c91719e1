/**
 * A TCP relay between two real programs: counts connections and bytes, can be cut and mended. Never looks into the bytes.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { atEnd } from '../../endings.ts';

const HOST = '127.0.0.1';

/** A relay that listens. */
export interface Relay {
  readonly port: number;
  /** Connections that were accepted and relayed so far. */
  readonly connections: () => number;
  /** Bytes that came back from the far end so far. */
  readonly bytesBack: () => number;
  /** Where connections lead from now on. */
  readonly aimAt: (target: { host: string; port: number }) => void;
  /** Ends every connection at once and refuses new ones until it is mended. */
  readonly cut: () => void;
  readonly mend: () => void;
}

/** Opens a relay on a free port. */
export const openRelay = async (): Promise<Relay> => {
  const sockets = new Set<Socket>();
  let isCut = false;
  let connections = 0;
  let bytesBack = 0;
  let target = { host: HOST, port: 0 };
  const hold = (socket: Socket, other: Socket): void => {
    sockets.add(socket);
    // An error is followed by close, which ends the other side.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    connections += 1;
    const far = connect(target);
    hold(near, far);
    hold(far, near);
    far.on('data', (piece: Buffer) => {
      bytesBack += piece.length;
    });
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  atEnd(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    bytesBack: () => bytesBack,
    aimAt: (next) => {
      target = next;
    },
    cut,
    mend: () => {
      isCut = false;
    },
  };
};
