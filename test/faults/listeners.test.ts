import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import {
  API,
  type ApiRoute,
  digestSchema,
  hasRole,
  LOCAL_PATHS,
  ROLES,
  type Role,
} from '@nanofleet/protocol';
import { findAuthority } from '@nanofleet/runtime/tls';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { runAgentCommand, startAgentHere, type TestAgent, writeLoneIdentity } from './parts/agents.ts';
import { signedBundle } from './parts/bundles.ts';
import { CLONE, scratchDirectory } from './parts/clone.ts';
import { startTestController, type TestController } from './parts/controller.ts';
import { problemIn, type RawRequest, sendRaw } from './parts/http.ts';
import { runProgram, startProgram } from './parts/programs.ts';
import { keepStandardError } from './parts/quiet.ts';

const scratch = scratchDirectory();
const QUESTION = { text: 'what is on my calendar for tomorrow' };
let controller: TestController;
let agent: TestAgent;
let port = 0;

beforeAll(async () => {
  keepStandardError();
  controller = await startTestController();
  const { publisher } = controller;
  signedBundle({ from: 'household-1', to: join(scratch, 'bundles', 'household-1'), key: publisher });
  const directory = join(scratch, 'lone');
  writeLoneIdentity(directory, { publisher: publisher.fingerprint });
  agent = await startAgentHere(directory, '--bundles', join(scratch, 'bundles'), '--http', '0');
  port = z.object({ http: z.int() }).parse(agent.ready).http;
});

describe('a listener that others could reach', () => {
  it('of a controller speaks TLS alone, under an authority that it made', async () => {
    const args = ['--dir', join(scratch, 'open'), '--host', '0.0.0.0', '--http', '0', '--mqtt', '0'];
    const program = { file: CLONE.controller, args: [...args, '--exit-with-stdin', '--json'] };
    const running = await startProgram(program);
    const { authorityKeyId, http } = z
      .object({ http: z.int(), authorityKeyId: z.string().regex(/^[0-9a-f]{64}$/) })
      .parse(running.ready);
    const place = { host: '127.0.0.1', port: http };
    await expect(sendRaw(place, { method: 'GET', path: '/healthz' })).rejects.toThrow('socket hang up');
    const found = await findAuthority(`https://127.0.0.1:${http}`, digestSchema.parse(authorityKeyId));
    expect(found.trim()).toBe(readFileSync(join(scratch, 'open', 'ca.pem'), 'utf8'));
    for (const file of ['ca.key.pem', 'server.key.pem', 'tls-ticket-keys'])
      expect(statSync(join(scratch, 'open', file)).mode & 0o777).toBe(0o600);
    expect((await running.stop()).code).toBe(0);
  });

  it('is never opened by an agent: its port is on the loopback alone', async () => {
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.2', port });
      socket.once('connect', () => resolve('connected'));
      socket.once('error', () => resolve('refused'));
      onTestFinished(() => void socket.destroy());
    });
    expect(outcome).toBe('refused');
  });

  it('gives way to nobody: a port that is taken is an error that names it', async () => {
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const taken = z.object({ port: z.int() }).parse(server.address()).port;
    const directory = join(scratch, 'taken');
    writeLoneIdentity(directory, { publisher: controller.publisher.fingerprint });
    const { code, err } = await runAgentCommand('run', '--dir', directory, '--http', String(taken));
    expect(code).toBe(1);
    expect(err).toMatch(/^PORT_TAKEN /);
    expect(err).toContain(`another process listens on port ${taken}. Give another --http, or 0.`);
    await expect(startTestController({ settings: { mqttPort: taken } })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      facts: { port: taken },
    });
  });
});

describe('the loopback port of an agent', () => {
  const token = () => readFileSync(join(agent.directory, 'http-token'), 'utf8').trim();
  const ask = (headers: Record<string, string>, request: Partial<RawRequest> = {}) =>
    sendRaw(
      { host: '127.0.0.1', port },
      {
        path: LOCAL_PATHS.decide,
        body: QUESTION,
        ...request,
        headers: { host: `127.0.0.1:${port}`, ...headers },
      },
    );
  const right = () => ({ authorization: `Bearer ${token()}` });

  it('answers a program that shows the token, which only its owner may read', async () => {
    expect((await ask(right())).status).toBe(200);
    expect(statSync(join(agent.directory, 'http-token')).mode & 0o777).toBe(0o600);
  });

  it('refuses a program without the token or with a wrong one', async () => {
    expect(problemIn(await ask({}))).toMatchObject({ code: 'TOKEN_MISSING', status: 401 });
    for (const authorization of ['Bearer wrong', `Basic ${token()}`, 'Bearer ', `Bearer ${token()}x`]) {
      expect(problemIn(await ask({ authorization }))).toMatchObject({ code: 'TOKEN_INVALID', status: 401 });
    }
  });

  it.each(['evil.example', 'evil.example:80', '127.0.0.1', '127.0.0.1.evil.example', 'localhost:1'])(
    'refuses the Host %j, as a name that was bound to this address would have',
    async (host) => {
      const answer = await ask({ ...right(), host });
      expect(problemIn(answer)).toMatchObject({ code: 'HOST_REFUSED', status: 403 });
    },
  );

  it.each(['https://evil.example', 'http://127.0.0.1', 'null'])('refuses a page of %s', async (origin) => {
    expect(problemIn(await ask({ ...right(), origin }))).toMatchObject({
      code: 'ORIGIN_REFUSED',
      status: 403,
    });
  });

  it('tells the refused nothing but that it lives', async () => {
    const health = await ask({}, { path: LOCAL_PATHS.health, method: 'GET' });
    expect(health).toEqual({ status: 200, text: '{"ok":true}' });
    expect((await ask({}, { path: LOCAL_PATHS.status, method: 'GET' })).status).toBe(401);
  });
});

describe('the operator API', () => {
  const tokens = new Map<Role, string>();

  beforeAll(async () => {
    for (const role of ROLES) {
      const { token } = await controller.call('makeOperatorToken', { body: { name: role, role } });
      tokens.set(role, token);
    }
  });

  const codeOf = async (name: ApiRoute, headers: Record<string, string>): Promise<string> => {
    const { method, path } = API[name];
    const request = { method, path: path.replace(/:[a-z]+/gi, 'x'), headers };
    const answer = await sendRaw({ host: '127.0.0.1', port: controller.running.httpPort }, request);
    return answer.status < 400 ? 'fine' : problemIn(answer).code;
  };
  const guarded = (Object.keys(API) as ApiRoute[]).filter((name) => API[name].role !== null);

  it.each(guarded)('lets nobody use %s without a token that has the role', async (name) => {
    expect(await codeOf(name, {})).toBe('TOKEN_MISSING');
    expect(await codeOf(name, { authorization: 'Bearer nfo_wrong' })).toBe('TOKEN_INVALID');
    const needed = API[name].role ?? 'admin';
    for (const role of ROLES) {
      const code = await codeOf(name, { authorization: `Bearer ${tokens.get(role) ?? ''}` });
      const isRefused = code === 'ROLE_INSUFFICIENT';
      expect({ role, isRefused }).toEqual({ role, isRefused: !hasRole(role, needed) });
    }
  });

  it('keeps the first admin token in a file for its owner only', () => {
    expect(statSync(join(controller.directory, 'admin-token')).mode & 0o777).toBe(0o600);
  });

  it('forgets a token that was dropped', async () => {
    const { id, token } = await controller.call('makeOperatorToken', {
      body: { name: 'late', role: 'admin' },
    });
    expect((await controller.call('whoami', {}, token)).name).toBe('late');
    await controller.call('dropOperatorToken', { params: { id } });
    await expect(controller.call('whoami', {}, token)).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
  });
});

describe('the state directory of a start', () => {
  const run = (directory: string) => runProgram({ file: CLONE.start, args: ['--once', '--dir', directory] });

  it('is refused to a second start, which names the first', async () => {
    const directory = join(scratch, 'start-1');
    mkdirSync(directory);
    writeFileSync(join(directory, 'start.lock'), JSON.stringify({ pid: process.pid, started: null }));
    const { code, err, out } = await run(directory);
    expect(code).not.toBe(0);
    expect(`${out}${err}`).toContain('STATE_IN_USE');
    expect(`${out}${err}`).toContain(`is in use by another start (process ${process.pid})`);
  });

  it('is refused when what it remembers is garbage, with what to do', async () => {
    const directory = join(scratch, 'start-2');
    mkdirSync(directory);
    writeFileSync(join(directory, 'start.json'), '{"http":');
    const { code, err, out } = await run(directory);
    expect(code).not.toBe(0);
    expect(`${out}${err}`).toContain('STATE_CORRUPT');
    expect(`${out}${err}`).toContain('Give --dir another directory, or remove this one');
    expect(readFileSync(join(directory, 'start.json'), 'utf8')).toBe('{"http":');
  });
});
