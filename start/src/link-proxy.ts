/**
 * The wire between the agents and the broker: a TCP relay on the port that devices are told. Cutting it destroys every
 * connection and refuses new ones, as a pulled cable and a dead router do. It counts bytes; it never looks into them.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { NanofleetError } from '@nanofleet/protocol';

const HOST = '127.0.0.1';

/** A link that can be cut. */
export class LinkProxy {
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #target = 0;
  #port: number;
  #upBytes = 0;
  #downBytes = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Bytes that went from devices to the broker, and back, since the proxy was made. */
  get bytes(): { readonly up: number; readonly down: number } {
    return { up: this.#upBytes, down: this.#downBytes };
  }

  /** Where the broker listens; may change when the controller starts again. */
  aimAt(port: number): void {
    this.#target = port;
  }

  /**
   * Begins to listen; also restores a link that was cut.
   * @throws NanofleetError PORT_TAKEN
   */
  async open(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer((socket) => this.#relay(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const problem = `Port ${this.#port} of the link is taken by another process.`;
        reject(new NanofleetError('PORT_TAKEN', problem, { cause, facts: { port: this.#port } }));
      });
      server.listen(this.#port, HOST, resolve);
    });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    this.#server = server;
  }

  /** Destroys every connection and refuses new ones until `open`. */
  async cut(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Where devices connect to. */
  get port(): number {
    return this.#port;
  }

  #relay(device: Socket): void {
    const broker = connect({ port: this.#target, host: HOST, noDelay: true });
    device.setNoDelay(true);
    device.on('data', (chunk: Buffer) => {
      this.#upBytes += chunk.length;
    });
    broker.on('data', (chunk: Buffer) => {
      this.#downBytes += chunk.length;
    });
    device.pipe(broker);
    broker.pipe(device);
    this.#join(device, broker);
    this.#join(broker, device);
  }

  #join(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    // An error is followed by close, which ends the other side.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
