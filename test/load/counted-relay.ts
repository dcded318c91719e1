// A TCP relay that counts what a link costs on a wire: bytes of both directions, and the TCP/IP headers that carry them,
// reckoned by the piece. Never looks into the bytes.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** IPv4 20 and TCP 20 bytes, and 12 of TCP's timestamps, which Linux sends with each segment. */
const HEADER_BYTES = 52;
/** A segment on Ethernet carries this much. */
const SEGMENT_BYTES = 1_448;

/** What went over the wire so far. */
export interface WireCount {
  /** Bytes that TCP carried, TLS and MQTT included. */
  readonly carried: number;
  /** Pieces as they came; each costs its segments and one acknowledgement. */
  readonly pieces: number;
  /** `carried` and the headers of data and acknowledgements. */
  readonly onWire: number;
  /** Connections, each with seven segments that carry nothing: three to open, four to close. */
  readonly connections: number;
}

/** A relay in front of one port of this machine. */
export class CountedRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #counts = { carried: 0, pieces: 0, onWire: 0, connections: 0 };

  private constructor(target: number) {
    this.#server = createServer({ noDelay: true }, (near) => {
      const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
      this.#counts.connections += 1;
      this.#counts.onWire += 7 * HEADER_BYTES;
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  /** Listens on a free port. */
  static async open(target: number): Promise<CountedRelay> {
    const relay = new CountedRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As of now. */
  get counts(): WireCount {
    return { ...this.#counts };
  }

  /** Ends all connections and itself. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (piece: Buffer) => {
      this.#counts.carried += piece.length;
      this.#counts.pieces += 1;
      this.#counts.onWire += piece.length + (Math.ceil(piece.length / SEGMENT_BYTES) + 1) * HEADER_BYTES;
      to.write(piece);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
