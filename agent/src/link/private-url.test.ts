import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';
import { checkPrivateUrl } from './private-url.ts';

describe('an address', () => {
  it.each([
    'http://127.0.0.1:8080',
    'http://localhost:1',
    'http://[::1]:1/',
    'mqtt://127.3.2.1:1883',
    'https://fleet.example',
    'mqtts://fleet.example:8883',
  ])('%s may be used', (url) => {
    expect(() => checkPrivateUrl(url)).not.toThrow();
  });

  it.each([
    ['http://fleet.example', 'URL_NOT_PRIVATE'],
    ['mqtt://10.0.0.7:1883', 'URL_NOT_PRIVATE'],
    ['mqtt://127.0.0.1.evil.example:1883', 'URL_NOT_PRIVATE'],
    ['http://localhost.evil.example', 'URL_NOT_PRIVATE'],
    ['ftp://127.0.0.1', 'SETTING_INVALID'],
  ])('%s is refused with %s', (url, code) => {
    expect(() => checkPrivateUrl(url)).toThrow(expect.objectContaining({ code }));
  });
});

describe('the wait before the next try', () => {
  it('grows, is jittered, and stays within its bounds', () => {
    const longest = Array.from({ length: 60 }, (_, failures) => backoffMs(failures + 1, 0.999_999));
    expect(longest[0]).toBeLessThan(500);
    expect(longest.at(-1)).toBeLessThan(30_500);
    expect(longest.at(-1)).toBeGreaterThan(20_000);
    expect(backoffMs(60, 0)).toBeGreaterThan(0);
  });
});
