/**
 * Listens for the Wyoming protocol on 127.0.0.1 and nowhere else: it has no authentication. Owns connections and their
 * bounds; one event of a connection is answered after the other, and no more is read meanwhile.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { NanofleetError, WYOMING_CONNECTIONS_MAX, WYOMING_IDLE_MS } from '@nanofleet/protocol';
import type { Log } from '@nanofleet/runtime/ports';
import type { Listener } from '../intake/listeners.ts';
import { answerWyoming, type WyomingService } from './wyoming-answers.ts';
import { encodeWyoming, WyomingCutter } from './wyoming-frames.ts';

const LOOPBACK = '127.0.0.1';

const serve = async (socket: Socket, service: WyomingService): Promise<void> => {
  const cutter = new WyomingCutter();
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    for (const event of cutter.push(chunk)) {
      const answer = await answerWyoming(service, event);
      if (answer !== null && !socket.destroyed) socket.write(encodeWyoming(answer, service.agentVersion));
    }
  }
};

const accept = (socket: Socket, service: WyomingService, log: Log): void => {
  socket.setTimeout(WYOMING_IDLE_MS, () => socket.destroy());
  serve(socket, service)
    .catch((thrown: unknown) => {
      // A client that goes away is no news; one that speaks something else is.
      if (thrown instanceof NanofleetError) log.warn('wyoming-refused', { why: thrown.message });
    })
    .finally(() => socket.destroy());
};

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: LOOPBACK }, () => {
      server.off('error', reject);
      resolve();
    });
  });

/**
 * Opens the listener.
 * @throws NanofleetError PORT_TAKEN
 */
export const listenForWyoming = async (service: WyomingService, log: Log): Promise<Listener> => {
  const { port } = service.config;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    accept(socket, service, log);
  });
  server.maxConnections = WYOMING_CONNECTIONS_MAX;
  await listen(server, port).catch((cause: unknown) => {
    const problem = `port ${port} cannot be listened on. Give another listen.wyoming.port.`;
    throw new NanofleetError('PORT_TAKEN', problem, { cause, facts: { port } });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
