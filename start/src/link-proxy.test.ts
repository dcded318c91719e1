// Behaviour of the link: it relays and counts bytes, a cut destroys and refuses, opening restores the same port.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkProxy } from './link-proxy.ts';

let broker: Server;
let link: LinkProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  broker = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => socket.write(chunk));
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
  link = new LinkProxy(0);
  link.aimAt((broker.address() as AddressInfo).port);
  await link.open();
});
afterEach(async () => {
  await link.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  broker.close();
});

async function connected(): Promise<Socket> {
  const socket = connect(link.port, '127.0.0.1');
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

describe('a link', () => {
  it('relays both ways and counts the bytes', async () => {
    expect(await echo(await connected(), 'hello')).toBe('hello');
    expect(link.bytes).toEqual({ up: 5, down: 5 });
  });

  it('destroys every connection when it is cut, and lets no byte of a new one through', async () => {
    const socket = await connected();
    await echo(socket, 'x');
    const before = link.bytes;
    const closed = once(socket, 'close');
    link.cut();
    await closed;
    const late = connect(link.port, '127.0.0.1');
    sockets.push(late);
    late.on('connect', () => late.write('let me through'));
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
    expect(['ECONNRESET', 'EPIPE']).toContain(error.code);
    expect(link.bytes).toEqual(before);
  });

  it('works again when it is restored', async () => {
    link.cut();
    link.restore();
    expect(await echo(await connected(), 'again')).toBe('again');
  });

  it('holds its port while it is cut, and gives it back when it is closed', async () => {
    link.cut();
    const second = new LinkProxy(link.port);
    await expect(second.open()).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    await link.close();
    await second.open();
    expect(second.port).toBe(link.port);
    await second.close();
  });
});
