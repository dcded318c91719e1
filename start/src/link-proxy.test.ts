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
  await link.cut();
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

  it('destroys every connection when it is cut, and refuses new ones', async () => {
    const socket = await connected();
    await echo(socket, 'x');
    const closed = once(socket, 'close');
    await link.cut();
    await closed;
    await expect(connected()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('comes back on the same port', async () => {
    const { port } = link;
    await link.cut();
    await link.open();
    expect(link.port).toBe(port);
    expect(await echo(await connected(), 'again')).toBe('again');
  });

  it('says PORT_TAKEN when somebody else took its port meanwhile', async () => {
    await link.cut();
    const other = createServer().listen(link.port, '127.0.0.1');
    await once(other, 'listening');
    await expect(link.open()).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    other.close();
  });
});
