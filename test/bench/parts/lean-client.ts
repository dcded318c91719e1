// A client of one keep-alive connection that does nothing but HTTP/1.1 with a content length: what is measured over it
// is the socket and the server. Node's own client adds 100 µs and more to each request, which no agent can help.
import { connect, type Socket } from 'node:net';

/** One request after the other over a Unix socket. */
export class LeanClient {
  readonly #socket: Socket;
  #received = '';
  #settle: { resolve: (body: string) => void; reject: (why: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => this.#take(piece));
    socket.on('error', (why) => this.#settle?.reject(why));
    socket.on('close', () => this.#settle?.reject(new TypeError('the agent closed the connection')));
  }

  /** Connects. */
  static open(path: string): Promise<LeanClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new LeanClient(socket)));
      socket.once('error', reject);
    });
  }

  /** Posts JSON; the body of the answer. Rejects when its status is not 200. */
  post(path: string, body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      const head = `POST ${path} HTTP/1.1\r\nhost: agent\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
      this.#socket.write(head + body);
    });
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #take(piece: string): void {
    this.#received += piece;
    const end = this.#received.indexOf('\r\n\r\n') + 4;
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(this.#received)?.[1];
    if (end < 4 || length === undefined || this.#received.length < end + Number(length)) return;
    const [answer, settle] = [this.#received, this.#settle];
    this.#received = '';
    this.#settle = null;
    if (answer.startsWith('HTTP/1.1 200 ')) settle?.resolve(answer.slice(end));
    else settle?.reject(new TypeError(`the agent answered ${answer.slice(0, 200)}`));
  }
}
