import { describe, expect, it } from 'vitest';
import { failureInStream, failureOfStatus, retryAfterOf } from './failure.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const errorOf = (status: number, error: object = {}, headers: Record<string, string> = {}) =>
  failureOfStatus({ status, headers, body: { error }, nowMs: NOW });

describe('a status', () => {
  it.each([
    [500, {}, 'PROVIDER_FAILED', 'soon'],
    [503, {}, 'PROVIDER_FAILED', 'soon'],
    [529, { type: 'overloaded_error' }, 'PROVIDER_BUSY', 'when-free'],
    [429, { code: 'rate_limit_exceeded' }, 'PROVIDER_BUSY', 'when-free'],
    [429, { code: 'insufficient_quota' }, 'PROVIDER_REFUSED', 'never'],
    [408, {}, 'PROVIDER_TIMEOUT', 'never'],
    [401, { code: 'invalid_api_key' }, 'PROVIDER_REFUSED', 'never'],
    [403, {}, 'PROVIDER_REFUSED', 'never'],
    [404, { code: 'model_not_found' }, 'PROVIDER_REFUSED', 'never'],
    [307, {}, 'PROVIDER_REFUSED', 'never'],
    [400, { code: 'context_length_exceeded' }, 'PROVIDER_CONTEXT_TOO_LONG', 'never'],
    [400, { code: 'content_filter' }, 'PROVIDER_CONTENT_FILTERED', 'never'],
    [400, {}, 'PROVIDER_REQUEST_INVALID', 'never'],
    [422, {}, 'PROVIDER_REQUEST_INVALID', 'never'],
  ] as const)('%i with %j is %s and is tried again %s', (status, error, code, retry) => {
    expect(errorOf(status, error)).toMatchObject({ code, retry, httpStatus: status });
  });

  it('whose body is no error in the known form is told by its number alone', () => {
    for (const body of [null, 'busy', [], { error: 'x' }, { error: null }]) {
      expect(failureOfStatus({ status: 502, headers: {}, body, nowMs: NOW }).code).toBe('PROVIDER_FAILED');
    }
  });

  it('quotes nothing of what the provider wrote', () => {
    const failure = errorOf(400, { message: 'You said: my secret', code: 'my secret' });
    expect(failure.message).not.toContain('secret');
  });
});

describe('retry-after', () => {
  it('is read as milliseconds, seconds or a date, the finest first, within bounds', () => {
    expect(retryAfterOf({ 'retry-after-ms': '150', 'retry-after': '9' }, NOW)).toBe(150);
    expect(retryAfterOf({ 'retry-after': '2' }, NOW)).toBe(2_000);
    expect(retryAfterOf({ 'retry-after': 'Wed, 25 Nov 2026 12:00:05 GMT' }, NOW)).toBe(5_000);
    expect(retryAfterOf({ 'retry-after': '-3' }, NOW)).toBe(0);
    expect(retryAfterOf({ 'retry-after': '1e9' }, NOW)).toBe(3_600_000);
    expect(retryAfterOf({ 'retry-after': 'soon' }, NOW)).toBeNull();
    expect(retryAfterOf({}, NOW)).toBeNull();
  });
});

it('an error inside a stream counts as what its words or its number say', () => {
  expect(failureInStream({ error: { type: 'overloaded_error' } }, NOW).code).toBe('PROVIDER_BUSY');
  expect(failureInStream({ error: { code: 502 } }, NOW).code).toBe('PROVIDER_FAILED');
  expect(failureInStream({ error: { code: 'content_filter' } }, NOW).code).toBe('PROVIDER_CONTENT_FILTERED');
});
