// The operator API as a table: what must hold of every row.
import { API, ERRORS, errorOfProblem, hasRole, NanofleetError, problemOf, ROLES } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';

const rows = Object.entries(API);

describe('the operator API', () => {
  it('opens nothing without a role but health, readiness and signing in', () => {
    const open = rows.filter(([, { role }]) => role === null).map(([name]) => name);
    expect(open).toEqual(['health', 'alive', 'ready', 'signIn']);
  });

  it('lets a viewer change nothing but the own session', () => {
    const changing = rows.filter(([, { role, method }]) => role === 'viewer' && method !== 'GET');
    expect(changing.map(([name]) => name).toSorted()).toEqual(['makeSignInCode', 'signOut']);
  });

  it('has one row per method and path', () => {
    expect(new Set(rows.map(([, { method, path }]) => `${method} ${path}`)).size).toBe(rows.length);
  });

  it.each(rows)('%s checks exactly the parameters that its path names', (_name, { path, params }) => {
    const named = [...path.matchAll(/:([a-z]+)/g)].map(([, part]) => part);
    expect(Object.keys(params.shape)).toEqual(named);
  });
});

describe('roles', () => {
  it('hold the rights of those before them, and no more', () => {
    expect(ROLES.map((role) => ROLES.filter((needed) => hasRole(role, needed)).length)).toEqual([1, 2, 3, 4]);
  });
});

describe('problems', () => {
  it('carry an error there and back', () => {
    const error = new NanofleetError('TEXT_TOO_LARGE', 'a text of 5000 bytes is over 4096', {
      facts: { bytes: 5000 },
    });
    expect(errorOfProblem(JSON.parse(JSON.stringify(problemOf(error))))).toMatchObject({
      code: 'TEXT_TOO_LARGE',
      message: error.message,
      facts: { bytes: 5000 },
    });
  });

  it('never tell what broke inside', () => {
    const problem = problemOf(
      new NanofleetError('INTERNAL', 'secret detail', { cause: new TypeError('secret') }),
    );
    expect(JSON.stringify(problem)).not.toContain('secret');
  });

  it('use statuses of HTTP errors only', () => {
    for (const { status } of Object.values(ERRORS)) expect(status >= 400 && status < 600).toBe(true);
  });

  it('of anything else are none', () => {
    expect(errorOfProblem({ code: 'NO_SUCH' })).toBeNull();
    expect(errorOfProblem(null)).toBeNull();
  });
});
