// Who may call what: every row of the API table and every other address, without a token, with a lower role, with the
// right one, by a token and by a session.
import {
  API,
  type ApiRoute,
  DEVICE_PATHS,
  hasRole,
  httpCallOf,
  PAGE_HEADER,
  PAGES,
  ROLES,
  type Role,
  STREAMS,
} from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { signIn } from '../testing/browser-session.ts';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import type { TestController } from '../testing/test-controller.ts';

const UUID = '01890a5d-ac96-774b-bcce-b302099a8057';
const DIGEST = 'a'.repeat(64);
const PARTS: Readonly<Record<string, string>> = {
  device: 'nobody',
  group: 'homes',
  id: UUID,
  digest: DIGEST,
};

const filled = (path: string): string => path.replace(/:([a-z]+)/g, (_, name: string) => PARTS[name] ?? name);

const bearer = (token: string | null): Record<string, string> =>
  token === null ? {} : { authorization: `Bearer ${token}` };

const request = (url: string, route: ApiRoute, credentials: string | null | Record<string, string>) => {
  const { method, path } = API[route];
  return fetch(`${url}${filled(path)}`, {
    method,
    headers: {
      ...(typeof credentials === 'object' && credentials !== null ? credentials : bearer(credentials)),
      ...(method === 'GET' || method === 'DELETE' ? {} : { 'content-type': 'application/json' }),
    },
    ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }),
  });
};

const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as Record<string, unknown>)['code'];

const routes = Object.keys(API) as ApiRoute[];
const guarded = routes.filter((route) => API[route].role !== null);

const made = new WeakMap<TestController, Map<Role, string>>();

/** One token of each role, made once per controller. */
const tokensOf = async (controller: GetController): Promise<Map<Role, string>> => {
  const tokens = made.get(controller()) ?? new Map<Role, string>();
  made.set(controller(), tokens);
  for (const role of ROLES) if (!tokens.has(role)) tokens.set(role, await controller().token(role));
  return tokens;
};

const roles = (controller: GetController): void => {
  it.each(guarded)('%s is refused without a token and with one that is not known', async (route) => {
    const missing = await request(controller().url, route, null);
    expect([missing.status, await codeOf(missing)]).toEqual([401, 'TOKEN_MISSING']);
    expect(missing.headers.get('content-type')).toContain('application/problem+json');
    const wrong = await request(controller().url, route, 'nfo_wrong');
    expect([wrong.status, await codeOf(wrong)]).toEqual([401, 'TOKEN_INVALID']);
  });

  it.each(guarded)('%s is refused to each role below its own and open from it on', async (route) => {
    const needed = API[route].role ?? 'viewer';
    for (const [role, token] of await tokensOf(controller)) {
      const response = await request(controller().url, route, token);
      const isRefused = response.status === 403 && (await codeOf(response)) === 'ROLE_INSUFFICIENT';
      expect([role, isRefused]).toEqual([role, !hasRole(role, needed)]);
      expect(response.status).toBeLessThan(500);
    }
  });

  it.each(guarded)('%s answers a session as it answers the token that opened it', async (route) => {
    const needed = API[route].role ?? 'viewer';
    for (const [role, token] of await tokensOf(controller)) {
      // Signing out ends a session: each row gets its own.
      const { cookie } = await signIn(controller().url, { token });
      const response = await request(controller().url, route, { cookie, [PAGE_HEADER]: '1' });
      const isRefused = response.status === 403 && (await codeOf(response)) === 'ROLE_INSUFFICIENT';
      expect([role, isRefused]).toEqual([role, !hasRole(role, needed)]);
    }
  });

  it('the open rows are health, readiness and the sign-in', () => {
    expect(routes.filter((route) => API[route].role === null)).toEqual([
      'health',
      'alive',
      'ready',
      'signIn',
    ]);
  });

  it('health and readiness are open to everybody', async () => {
    expect(await (await request(controller().url, 'health', null)).json()).toEqual({ ok: true });
    const ready = await request(controller().url, 'ready', null);
    expect(await ready.json()).toEqual({
      ready: true,
      parts: { database: true, migrations: true, broker: true, leases: true, serving: true },
    });
  });

  it('an address outside the table does not exist', async () => {
    const response = await fetch(`${controller().url}/api/secrets`, {
      headers: { authorization: `Bearer ${controller().adminToken}` },
    });
    expect([response.status, await codeOf(response)]).toEqual([404, 'NOT_FOUND']);
  });
};

const otherAddresses = (controller: GetController): void => {
  const streams = Object.values(STREAMS);
  it.each(streams)('the stream $path is refused without the right token', async ({ path }) => {
    for (const [token, code] of [
      [null, 'TOKEN_MISSING'],
      ['nfo_wrong', 'TOKEN_INVALID'],
    ] as const) {
      const response = await fetch(`${controller().url}${path}`, { headers: bearer(token) });
      expect([response.status, await codeOf(response)]).toEqual([401, code]);
    }
  });

  it.each(streams)('the stream $path opens for its role', async ({ path, role }) => {
    for (const [held, token] of await tokensOf(controller)) {
      const ended = new AbortController();
      const { signal } = ended;
      const response = await fetch(`${controller().url}${path}`, { headers: bearer(token), signal });
      expect([held, response.status]).toEqual([held, hasRole(held, role) ? 200 : 403]);
      expect(response.headers.get('content-type')).toContain('text/event-stream');
      ended.abort();
    }
  });

  it.each(Object.values(PAGES))('the page %s is open, and holds nothing of the fleet', async (path) => {
    const response = await fetch(`${controller().url}${filled(path)}`);
    const body = await response.text();
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(body).not.toContain('home');
  });

  it('a device endpoint gives nothing to an operator, nor to nobody', async () => {
    for (const token of [null, controller().adminToken]) {
      const headers = bearer(token);
      const blob = await fetch(`${controller().url}${DEVICE_PATHS.blob}${DIGEST}`, { headers });
      expect(blob.status).toBe(401);
      const enrolled = await fetch(`${controller().url}${DEVICE_PATHS.enrol}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: '{}',
      });
      expect(enrolled.status).toBe(400);
    }
  });

  it.each(['/api', '/api/', '/api/live/', '/assets/../admin-token', '/assets/x.js', '/.env', '/v1/decide'])(
    'there is nothing at %s',
    async (path) => {
      const headers = bearer(controller().adminToken);
      expect((await fetch(`${controller().url}${path}`, { headers })).status).toBe(404);
    },
  );
};

const input = (controller: GetController): void => {
  it('what does not fit the schema is refused with the field that is wrong', async () => {
    const { path, method } = httpCallOf('makeFleetToken', {
      body: { name: 'a', group: 'homes', uses: 1, validForS: 1 },
    });
    const send = (body: string) =>
      fetch(`${controller().url}${path}`, {
        method,
        body,
        headers: { authorization: `Bearer ${controller().adminToken}`, 'content-type': 'application/json' },
      });
    const wrong = (await (await send('{"name":"a","group":"Homes!"}')).json()) as Record<string, unknown>;
    expect(wrong).toMatchObject({ status: 400, code: 'INPUT_INVALID' });
    expect(wrong['detail']).toContain('group');
    expect(await codeOf(await send('{"name"'))).toBe('INPUT_INVALID');
    expect(await codeOf(await send(`{"name":"${'a'.repeat(2_000_000)}"}`))).toBe('BODY_TOO_LARGE');
  });
};

const secrets = (controller: GetController): void => {
  it('no answer and no line of the log holds a secret', async () => {
    const token = (await tokensOf(controller)).get('admin') ?? '';
    const made = await controller().callAs(token, 'makeFleetToken', {
      body: { name: 'x', group: 'homes', uses: 1, validForS: 60 },
    });
    for (const route of ['fleetTokens', 'operatorTokens'] as const) {
      const text = await (await request(controller().url, route, token)).text();
      expect(text).not.toContain(made.secret);
      expect(text).not.toMatch(/hash/i);
    }
    expect(controller().logged.join('')).not.toContain(made.secret);
    expect(controller().logged.join('')).not.toContain('nfo_');
  });
  it('a dropped token opens nothing, and the last admin cannot be dropped', async () => {
    const made = await controller().call('makeOperatorToken', { body: { name: 'gone', role: 'viewer' } });
    expect((await controller().callAs(made.token, 'whoami')).role).toBe('viewer');
    await controller().call('dropOperatorToken', { params: { id: made.id } });
    await expect(controller().callAs(made.token, 'whoami')).rejects.toMatchObject({ code: 'TOKEN_INVALID' });
    const admins = (await controller().call('operatorTokens')).items.filter(({ role }) => role === 'admin');
    expect(admins.length).toBe(2);
    const [first, second] = admins;
    await controller().callAs((await tokensOf(controller)).get('admin') ?? '', 'dropOperatorToken', {
      params: { id: first?.id ?? '' },
    });
    const last = controller().callAs((await tokensOf(controller)).get('admin') ?? '', 'dropOperatorToken', {
      params: { id: second?.id ?? '' },
    });
    await expect(last).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
};

onEachDatabase('access to the operator API', [roles, otherAddresses, input, secrets]);
