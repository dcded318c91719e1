// Behaviour of the agent client: over the socket and over loopback HTTP, again after a broken connection, never after an answer.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NanofleetError, problemOf } from '@nanofleet/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentAddress, AgentClient } from './agent-client.ts';
import { testWorld } from './test-world.ts';

const decision = {
  id: '0193a0c0-0000-7000-8000-000000000001',
  line: 'intent',
  version: '1.0.0',
  digest: 'a'.repeat(64),
  label: 'timer',
  confidence: 0.9,
  outOfScope: 0.1,
  verdict: 'sure',
  tier: 'nano',
  micros: 50,
  offload: { status: 'none' },
};

let directory = '';
let server: Server;
let broken = 0;
let seen: IncomingMessage[] = [];
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nf-agent-'));
  broken = 0;
  seen = [];
  answer = (response) => response.end(JSON.stringify(decision));
  server = createServer((request, response) => {
    seen.push(request);
    if (broken > 0) {
      broken -= 1;
      request.socket.destroy();
    } else answer(response);
  });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true, force: true });
});

const clientAt = (address: AgentAddress, patienceMs = 10_000) =>
  new AgentClient(testWorld().world, { address: () => address, patienceMs });

async function onSocket(): Promise<AgentClient> {
  const socketPath = join(directory, 'agent.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return clientAt({ socketPath });
}

describe('an agent client', () => {
  it('asks over the socket without a token', async () => {
    expect(await (await onSocket()).decide({ text: 'x' })).toMatchObject({ label: 'timer' });
    expect(seen[0]?.headers.authorization).toBeUndefined();
  });

  it('asks over loopback HTTP with the token of the file and the host that the agent expects', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const tokenFile = join(directory, 'http-token');
    await writeFile(tokenFile, 'nfl_secret\n');
    await clientAt({ port, tokenFile }).decide({ text: 'x' });
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer nfl_secret', host: `127.0.0.1:${port}` });
  });

  it('asks again when the agent dies in the middle, and counts it', async () => {
    broken = 2;
    const client = await onSocket();
    expect(await client.decide({ text: 'x' })).toMatchObject({ label: 'timer' });
    expect(client.interrupted).toBe(2);
  });

  it('takes an error of the agent as the answer', async () => {
    const problem = problemOf(new NanofleetError('TEXT_EMPTY', 'The text is empty.'));
    answer = (response) => response.writeHead(422).end(JSON.stringify(problem));
    const client = await onSocket();
    await expect(client.decide({ text: '' })).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
    expect(client.interrupted).toBe(0);
  });

  it('gives up when nobody listens for longer than its patience', async () => {
    const asked = clientAt({ socketPath: join(directory, 'nobody.sock') }, -1).status();
    await expect(asked).rejects.toMatchObject({ code: 'LINK_UNAVAILABLE' });
  });
});
