/**
 * Taps between an agent and its controller: what passes over MQTT and the bodies of what is posted over HTTP, as the very bytes.
 * Knows of MQTT 3.1.1 only how a PUBLISH is framed (section 3.3). Changes nothing that passes.
 */
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';

const HOST = '127.0.0.1';
const PUBLISH = 3;

/** What passed. `up` is from the agent. */
export interface Passed {
  readonly direction: 'up' | 'down';
  /** Topic of MQTT, or path of HTTP. */
  readonly topic: string;
  readonly payload: Buffer;
}

/** A tap that listens. */
export interface Tap {
  readonly port: number;
  /** Where connections lead from now on. */
  aimAt(port: number): void;
  close(): void;
}

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server.address() as AddressInfo).port;
};

/** Takes the pieces of one direction of a connection; tells each whole PUBLISH. */
const publishesIn = (tell: (topic: string, payload: Buffer) => void): ((piece: Buffer) => void) => {
  let held = Buffer.alloc(0);
  return (piece) => {
    held = Buffer.concat([held, piece]);
    for (let packet = packetIn(held); packet !== null; packet = packetIn(held)) {
      const { body, flags, type } = packet;
      held = held.subarray(packet.bytes);
      if (type !== PUBLISH) continue;
      const topicEnd = 2 + body.readUInt16BE(0);
      const isNumbered = (flags & 0b0110) !== 0;
      tell(body.toString('utf8', 2, topicEnd), Buffer.from(body.subarray(topicEnd + (isNumbered ? 2 : 0))));
    }
  };
};

/** The first packet of some bytes, when all of it is there. */
const packetIn = (bytes: Buffer) => {
  let length = 0;
  for (let at = 1; at <= 4 && at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * 128 ** (at - 1);
    if ((byte & 0x80) !== 0) continue;
    const whole = at + 1 + length;
    if (bytes.length < whole) return null;
    const first = bytes[0] ?? 0;
    return { type: first >> 4, flags: first & 0x0f, body: bytes.subarray(at + 1, whole), bytes: whole };
  }
  return null;
};

/** A tap on a broker's plain port. */
export const tapMqtt = async (tell: (passed: Passed) => void): Promise<Tap> => {
  let target = 0;
  const server = createServer((near) => {
    const far = connect(target, HOST);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on(
      'data',
      publishesIn((topic, payload) => tell({ direction: 'up', topic, payload })),
    );
    far.on(
      'data',
      publishesIn((topic, payload) => tell({ direction: 'down', topic, payload })),
    );
    near.pipe(far).pipe(near);
  });
  const port = await listening(server);
  return { port, aimAt: (next) => void (target = next), close: () => void server.close() };
};

/** A tap on a controller's plain HTTP port; only what is posted is told. */
export const tapHttp = async (tell: (passed: Passed) => void): Promise<Tap> => {
  let target = 0;
  const server = createHttpServer((near, answer) => {
    const { headers, method, url = '/' } = near;
    const sent: Buffer[] = [];
    const far = request({ host: HOST, port: target, method, path: url, headers }, (response) => {
      const got: Buffer[] = [];
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.on('data', (piece: Buffer) => void got.push(piece));
      response.on('end', () => {
        if (method !== 'POST') return;
        tell({ direction: 'up', topic: url, payload: Buffer.concat(sent) });
        tell({ direction: 'down', topic: url, payload: Buffer.concat(got) });
      });
      response.pipe(answer);
    });
    far.on('error', () => answer.destroy());
    near.on('data', (piece: Buffer) => void sent.push(piece));
    near.pipe(far);
  });
  const port = await listening(server);
  return { port, aimAt: (next) => void (target = next), close: () => void server.close() };
};
