/** A TCP line to PostgreSQL that a test can cut: connections end, new ones are refused at once. Only tests import this. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The line. */
export class DatabaseLine {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      if (this.#isCut) {
        near.destroy();
        return;
      }
      const far = connect(Number(target.port), target.hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  /** Lays a line to a server; `url` of the line leads to the same database. */
  static async to(url: string): Promise<{ line: DatabaseLine; url: string }> {
    const target = new URL(url);
    const line = new DatabaseLine(target);
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', () => resolve()));
    const address = line.#server.address();
    const near = new URL(url);
    near.hostname = '127.0.0.1';
    near.port = String(typeof address === 'object' ? address?.port : '');
    return { line, url: near.href };
  }

  /** Cuts or mends it. */
  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    if (isCut) for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends it. */
  close(): void {
    this.isCut = true;
    this.#server.close();
  }
}
