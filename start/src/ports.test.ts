// Behaviour of port choice: the wanted one when free, another one when it is only a default, an error when it was asked for.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLink } from './ports.ts';

let other: Server;
let taken = 0;
beforeEach(async () => {
  other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  taken = (other.address() as AddressInfo).port;
});
afterEach(() => {
  other.close();
});

describe('openLink', () => {
  it('moves on from a taken default and says so', async () => {
    const { link, moved } = await openLink({ name: '--port', explicit: null, wanted: taken });
    expect(moved).toBe(true);
    expect(link.port).not.toBe(taken);
    await link.close();
  });

  it('refuses a taken port that was asked for', async () => {
    const opened = openLink({ name: '--port', explicit: taken, wanted: 1 });
    await expect(opened).rejects.toMatchObject({ code: 'PORT_TAKEN', facts: { port: taken } });
  });

  it('keeps a free default and holds it', async () => {
    other.close();
    await once(other, 'close');
    const { link, moved } = await openLink({ name: '--port', explicit: null, wanted: taken });
    expect({ port: link.port, moved }).toEqual({ port: taken, moved: false });
    const second = openLink({ name: '--port', explicit: taken, wanted: 1 });
    await expect(second).rejects.toMatchObject({ code: 'PORT_TAKEN' });
    await link.close();
  });
});
