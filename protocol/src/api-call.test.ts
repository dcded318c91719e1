// Behaviour of API calls as values: paths are filled and escaped, arguments checked before they leave, errors keep their code.
import { describe, expect, it } from 'vitest';
import { apiAnswerOf, httpCallOf } from './api-call.ts';
import { NanofleetError } from './errors.ts';
import { problemOf } from './problem.ts';

describe('httpCallOf', () => {
  it('fills parameters and the query', () => {
    expect(httpCallOf('device', { params: { device: 'home-1' } }).path).toBe('/api/devices/home-1');
    const { path } = httpCallOf('events', { query: { after: 7, device: 'pump-1' } });
    expect(path).toBe('/api/events?after=7&device=pump-1');
  });

  it('refuses an argument of the wrong form before anything is sent', () => {
    const call = () => httpCallOf('device', { params: { device: '../tokens' } });
    expect(call).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  it('sends JSON bodies as JSON and blobs as they are', () => {
    const policy = httpCallOf('setPolicy', { params: { group: 'homes' }, body: { offload: 'none' } });
    expect(policy).toMatchObject({ method: 'PUT', body: '{"offload":"none"}' });
    const bytes = Uint8Array.of(1, 2, 3);
    const blob = httpCallOf('putBlob', { params: { digest: 'a'.repeat(64) }, body: bytes });
    expect(blob).toMatchObject({ body: bytes, contentType: 'application/octet-stream' });
  });
});

describe('apiAnswerOf', () => {
  it('gives the checked answer', () => {
    expect(apiAnswerOf('putBlob', { status: 200, body: '{"bytes":3}' })).toEqual({ bytes: 3 });
  });

  it('throws the error of a problem with its code', () => {
    const error = new NanofleetError('ROLE_INSUFFICIENT', 'The token is a viewer; this needs an admin.');
    const read = () => apiAnswerOf('devices', { status: 403, body: JSON.stringify(problemOf(error)) });
    expect(read).toThrow(expect.objectContaining({ code: 'ROLE_INSUFFICIENT', message: error.message }));
  });

  it.each([
    ['a web page', '<html>'],
    ['an answer of another form', '{"items":[{}]}'],
  ])('throws MESSAGE_MALFORMED for %s', (_name, body) => {
    const read = () => apiAnswerOf('devices', { status: 200, body });
    expect(read).toThrow(expect.objectContaining({ code: 'MESSAGE_MALFORMED' }));
  });
});
