// Behaviour of port choice: the wanted one when free, another one when it is only a default, an error when it was asked for.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPort } from './ports.ts';

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

describe('findPort', () => {
  it('moves on from a taken default and says so', async () => {
    const found = await findPort({ name: '--port', explicit: null, wanted: taken });
    expect(found.moved).toBe(true);
    expect(found.port).not.toBe(taken);
  });

  it('refuses a taken port that was asked for', async () => {
    const looked = findPort({ name: '--port', explicit: taken, wanted: 1 });
    await expect(looked).rejects.toMatchObject({ code: 'PORT_TAKEN', facts: { port: taken } });
  });

  it('keeps a free default', async () => {
    other.close();
    await once(other, 'close');
    expect(await findPort({ name: '--port', explicit: null, wanted: taken })).toEqual({
      port: taken,
      moved: false,
    });
  });
});
