// Behaviour of the operator client: it waits out a controller that is away, passes on its errors, finds the end of a long log.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NanofleetError, problemOf } from '@nanofleet/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatorClient } from './operator-client.ts';
import { testWorld } from './test-world.ts';

let server: Server;
let newest = 0;
let answers: { status: number; body: unknown }[] = [];
let requests = 0;

const eventAt = (position: number) => ({
  position,
  device: 'home-1',
  epoch: '0'.repeat(16),
  sequence: position,
  recordedAt: 1,
  receivedAt: 1,
  event: { type: 'decision', decision: String(position) },
});

beforeEach(async () => {
  answers = [];
  requests = 0;
  server = createServer((request, response) => {
    requests += 1;
    const scripted = answers.shift();
    if (scripted !== undefined) {
      response.writeHead(scripted.status).end(JSON.stringify(scripted.body));
      return;
    }
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    const from = Number(searchParams.get('after')) + 1;
    const until = Math.min(newest, from + Number(searchParams.get('limit')) - 1);
    const items = Array.from({ length: Math.max(0, until - from + 1) }, (_, at) => eventAt(from + at));
    response.end(JSON.stringify({ items }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const client = (patienceMs = 10_000) => {
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo | null)?.port ?? 1}`;
  return new OperatorClient(testWorld().world, { url, token: 'nfo_x', patienceMs });
};

describe('newestPosition', () => {
  it.each([0, 1, 2, 3, 7, 8, 1_000, 123_456])(
    'finds the end of a log of %d events in few questions',
    async (length) => {
      newest = length;
      expect(await client().newestPosition()).toBe(length);
      expect(requests).toBeLessThan(40);
    },
  );
});

describe('eventsAfter', () => {
  it('reads every page', async () => {
    newest = 1_234;
    const events = await client().eventsAfter(100, 'decision');
    expect(events.map(({ position }) => position)).toEqual(
      Array.from({ length: 1_134 }, (_, at) => at + 101),
    );
  });
});

describe('a call', () => {
  it('is made again while the controller says that it cannot yet', async () => {
    newest = 3;
    const busy = problemOf(new NanofleetError('DATABASE_UNAVAILABLE', 'The database does not answer yet.'));
    answers = [
      { status: 503, body: busy },
      { status: 503, body: busy },
    ];
    expect(await client().eventsAfter(0, 'decision')).toHaveLength(3);
  });

  it('fails at once with an error that a second try does not help', async () => {
    answers = [{ status: 404, body: problemOf(new NanofleetError('ROLLOUT_UNKNOWN', 'No such rollout.')) }];
    await expect(client().call('devices')).rejects.toMatchObject({ code: 'ROLLOUT_UNKNOWN' });
    expect(requests).toBe(1);
  });

  it('fails when nobody listens for longer than its patience', async () => {
    server.close();
    await expect(client(-1).call('devices')).rejects.toMatchObject({ code: 'CONTROLLER_UNREACHABLE' });
  });
});
