// Behaviour of fleet tokens as text: read back unchanged, refused when damaged, never quoted in an error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NanofleetError } from '../errors.ts';
import { decodeFleetToken, encodeFleetToken } from './fleet-token.ts';

const token = {
  fleet: 'home',
  url: 'http://127.0.0.1:8123',
  tokenId: 'token-1',
  secret: 'c2VjcmV0LXNlY3JldC1zZWNyZXQ',
  publisher: 'a'.repeat(64),
  controller: 'b'.repeat(64),
  expiresAt: 1_800_000_000_000,
};

describe('a fleet token', () => {
  it('is one word that reads back as it was, also with white space around it', () => {
    const text = encodeFleetToken(token);
    expect(text).toMatch(/^nft1_[A-Za-z0-9_-]+$/);
    expect(decodeFleetToken(` ${text}\n`)).toEqual(token);
  });

  it('is refused with any character missing', () => {
    const text = encodeFleetToken(token);
    for (let at = 0; at < text.length; at += 7) {
      const damaged = text.slice(0, at) + text.slice(at + 1);
      const outcome = attempt(damaged);
      expect(outcome).not.toEqual(token);
    }
    expect(attempt(text.slice(0, -1))).toBeInstanceOf(NanofleetError);
  });

  it('never appears in the error about it', () => {
    const text = encodeFleetToken({ ...token, url: 'https://example.org' });
    const damaged = attempt(`${text.slice(0, 60)}${text.slice(90)}`);
    expect(damaged).toBeInstanceOf(NanofleetError);
    expect(String(damaged)).not.toContain(token.secret);
    expect(String(damaged)).not.toContain(text.slice(10, 40));
  });

  it.each([
    ['a URL of another scheme', { url: 'ftp://127.0.0.1' }],
    ['a short secret', { secret: 'short' }],
    ['a fingerprint that is none', { publisher: 'abc' }],
  ])('is not made with %s', (_name, change) => {
    expect(() => encodeFleetToken({ ...token, ...change })).toThrow('is not valid');
  });

  it('ends in a token or FLEET_TOKEN_MALFORMED for any text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.base64String().map((tail) => `nft1_${tail}`),
    );
    fc.assert(
      fc.property(text, (word) => {
        const outcome = attempt(word);
        expect(outcome instanceof NanofleetError ? outcome.code : 'FLEET_TOKEN_MALFORMED').toBe(
          'FLEET_TOKEN_MALFORMED',
        );
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

function attempt(text: string): unknown {
  try {
    return decodeFleetToken(text);
  } catch (thrown) {
    if (thrown instanceof NanofleetError) return thrown;
    throw thrown;
  }
}
