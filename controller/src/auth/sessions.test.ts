// Sessions of browsers: signing in by token and by link, what the cookie is, what a session may not do, how it ends.
import { PAGE_HEADER, SESSION_MS, SESSIONS_PER_TOKEN_MAX, SIGN_IN_CODE_MS } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { signIn } from '../testing/browser-session.ts';
import { type GetController, onEachDatabase } from '../testing/each-database.ts';
import { requireOwnPage, secretOf, sessionCookie } from './session-cookie.ts';

const KEY_ID = 'c0ffee00'.repeat(8);

const ask = async (url: string, path: string, init: RequestInit) => {
  const response = await fetch(`${url}${path}`, init);
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, body };
};

const whoami = (url: string, cookie: string) => ask(url, '/api/whoami', { headers: { cookie } });

const signingIn = (controller: GetController): void => {
  it('a token gives a cookie that scripts cannot read and other sites cannot send', async () => {
    const { url, adminToken } = controller();
    const session = await signIn(url, { token: adminToken });
    expect(session.status).toBe(200);
    expect(session.body).toMatchObject({ name: 'admin', role: 'admin' });
    expect(session.set).toMatch(
      /^nanofleet_session_[0-9a-f]{8}=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    expect((await whoami(url, session.cookie)).body).toMatchObject({ name: 'admin', role: 'admin' });
    expect(session.set).not.toContain(adminToken);
  });

  it('a wrong token and a wrong code give none', async () => {
    const { url } = controller();
    const wrong = await signIn(url, { token: 'nfo_wrong' });
    expect([wrong.status, wrong.set, wrong.body]).toMatchObject([401, '', { code: 'TOKEN_INVALID' }]);
    expect((await signIn(url, { code: 'wrong' })).body).toMatchObject({ code: 'SIGN_IN_CODE_INVALID' });
  });

  it('a code signs in once, with the role of the token that made it', async () => {
    const viewer = await controller().token('viewer');
    const { code } = await controller().callAs(viewer, 'makeSignInCode');
    const { url } = controller();
    expect((await signIn(url, { code })).body).toMatchObject({ role: 'viewer' });
    expect((await signIn(url, { code })).body).toMatchObject({ code: 'SIGN_IN_CODE_INVALID' });
  });

  it('of two browsers that use one code at once, one comes in', async () => {
    const { code } = await controller().call('makeSignInCode');
    const both = await Promise.all([1, 2].map(() => signIn(controller().url, { code })));
    expect(both.filter(({ status }) => status === 200).length).toBe(1);
    expect(both.filter(({ status }) => status === 401).length).toBe(1);
  });

  it('a code is useless after its time', async () => {
    const { code } = await controller().call('makeSignInCode');
    controller().advance(SIGN_IN_CODE_MS);
    expect((await signIn(controller().url, { code })).body).toMatchObject({ code: 'SIGN_IN_CODE_INVALID' });
  });
};

const guarding = (controller: GetController): void => {
  it('a page of another origin can neither sign in nor change anything', async () => {
    const { url, adminToken } = controller();
    for (const headers of [{}, { [PAGE_HEADER]: '1', 'sec-fetch-site': 'cross-site' }]) {
      expect((await signIn(url, { token: adminToken }, headers)).body).toMatchObject({
        code: 'ORIGIN_REFUSED',
      });
      const { cookie } = await signIn(url, { token: adminToken });
      const write = { method: 'POST', headers: { ...headers, cookie, 'content-type': 'application/json' } };
      const body = '{"name":"evil","role":"admin"}';
      expect((await ask(url, '/api/tokens', { ...write, body })).body).toMatchObject({
        code: 'ORIGIN_REFUSED',
      });
    }
    const { items } = await controller().call('operatorTokens');
    expect(items.map(({ name }) => name)).not.toContain('evil');
  });

  it('a session makes no sign-in links: it would outlive itself', async () => {
    const { url, adminToken } = controller();
    const { cookie } = await signIn(url, { token: adminToken });
    const headers = { cookie, [PAGE_HEADER]: '1', 'content-type': 'application/json' };
    const refused = await ask(url, '/api/sign-in-codes', { method: 'POST', headers, body: '{}' });
    expect(refused).toMatchObject({ status: 401, body: { code: 'TOKEN_MISSING' } });
  });
};

const ending = (controller: GetController): void => {
  it('signing out ends it', async () => {
    const { url, adminToken } = controller();
    const { cookie } = await signIn(url, { token: adminToken });
    const out = await fetch(`${url}/api/session`, {
      method: 'DELETE',
      headers: { cookie, [PAGE_HEADER]: '1' },
    });
    expect(out.headers.get('set-cookie')).toMatch(/=; .*Max-Age=0/);
    expect((await whoami(url, cookie)).body).toMatchObject({ code: 'TOKEN_INVALID' });
  });

  it('ends with its token', async () => {
    const made = await controller().call('makeOperatorToken', { body: { name: 'short', role: 'viewer' } });
    const { cookie } = await signIn(controller().url, { token: made.token });
    await controller().call('dropOperatorToken', { params: { id: made.id } });
    expect((await whoami(controller().url, cookie)).status).toBe(401);
  });

  it('ends after its time, and the oldest when a token has too many', async () => {
    const { url, adminToken } = controller();
    const first = await signIn(url, { token: adminToken });
    for (let count = 0; count < SESSIONS_PER_TOKEN_MAX; count += 1) await signIn(url, { token: adminToken });
    expect((await whoami(url, first.cookie)).status).toBe(401);
    const last = await signIn(url, { token: adminToken });
    expect((await whoami(url, last.cookie)).status).toBe(200);
    controller().advance(SESSION_MS);
    expect((await whoami(url, last.cookie)).status).toBe(401);
  });
};

onEachDatabase('sessions of browsers', [signingIn, guarding, ending]);

describe('the cookie of a session', () => {
  const form = { keyId: KEY_ID, isSecure: true };

  it('is bound to its host and to TLS where there is TLS', () => {
    const cookie = sessionCookie(form, { secret: 's', maxAgeS: 1 });
    expect(cookie).toBe(
      '__Host-nanofleet_session_c0ffee00=s; Path=/; Max-Age=1; HttpOnly; SameSite=Strict; Secure',
    );
    expect(secretOf(form, `a=b; ${cookie.split(';')[0]}; c=d`)).toBe('s');
  });

  it('of another controller on the same host is not read', () => {
    const other = { keyId: 'b'.repeat(64), isSecure: false };
    expect(
      secretOf({ ...form, isSecure: false }, `${sessionCookie(other, { secret: 's', maxAgeS: 1 })}`),
    ).toBeNull();
    expect(secretOf(form, undefined)).toBeNull();
  });

  it('a request proves its page by a header, and by what the browser says of its origin', () => {
    expect(() => requireOwnPage({ [PAGE_HEADER]: '1' })).not.toThrow();
    expect(() => requireOwnPage({ [PAGE_HEADER]: '1', 'sec-fetch-site': 'same-origin' })).not.toThrow();
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect(() => requireOwnPage({ [PAGE_HEADER]: '1', 'sec-fetch-site': site })).toThrow(PAGE_HEADER);
    }
  });
});
