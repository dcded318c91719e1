/**
 * The wire between devices and controller: a TCP relay on a port that devices are told. Cutting it destroys every
 * connection and resets new ones before a byte passes; the port itself stays ours, for another process could take it
 * meanwhile. It counts bytes; it never looks into them.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { NanofleetError } from '@nanofleet/protocol';

const HOST = '127.0.0.1';

/** A link that can be cut. */
export class LinkProxy {
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #target = 0;
  #isCut = false;
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
   * Begins to listen.
   * @throws NanofleetError PORT_TAKEN
   */
  async open(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
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

  /** Destroys every connection and resets new ones until `restore`. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets connections through again. */
  restore(): void {
    this.#isCut = false;
  }

  /** Gives the port back. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.cut();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Where devices connect to. */
  get port(): number {
    return this.#port;
  }

  #accept(device: Socket): void {
    if (this.#isCut) device.resetAndDestroy();
    else this.#relay(device);
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
