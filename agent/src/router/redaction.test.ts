import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact } from './redaction.ts';

describe('redaction', () => {
  it.each([
    ['write to bob.smith+home@mail.example.co.uk please', 'write to <email> please', { email: 1 }],
    ['write to jürgen@müller.de', 'write to <email>', { email: 1 }],
    ['call +49 (0)30 1234-567 now', 'call <phone> now', { phone: 1 }],
    ['call 555-0123', 'call <phone>', { phone: 1 }],
    ['call 0170/1234567 and 0170 7654321', 'call <phone> and <phone>', { phone: 2 }],
    ['my card is 4111 1111 1111 1111 ok', 'my card is <card> ok', { card: 1 }],
    ['card 378282246310005', 'card <card>', { card: 1 }],
    ['pay 5555-5555-5555-4444', 'pay <card>', { card: 1 }],
    ['12 4111 1111 1111 1111', '<card>', { card: 1 }],
    ['send it to DE89 3704 0044 0532 0130 00 please', 'send it to <iban> please', { iban: 1 }],
    ['iban gb29nwbk60161331926819', 'iban <iban>', { iban: 1 }],
    ['NO93 8601 1117 947', '<iban>', { iban: 1 }],
    ['ping 192.168.1.254 twice', 'ping <ip> twice', { ip: 1 }],
    ['the router at 2001:db8::ff00:42:8329 is down', 'the router at <ip> is down', { ip: 1 }],
    ['::ffff:10.0.0.1', '<ip>', { ip: 1 }],
    ['bulb AA:BB:cc:00:11:22 is off', 'bulb <mac> is off', { mac: 1 }],
    ['bulb aa-bb-cc-00-11-22', 'bulb <mac>', { mac: 1 }],
    ['switch aabb.cc00.1122', 'switch <mac>', { mac: 1 }],
  ])('of %j gives %j', (text, expected, counts) => {
    expect(redact(text)).toEqual({ text: expected, redacted: counts });
  });

  it.each([
    'turn the kitchen light on',
    'set an alarm for 7:30',
    'remind me on 2026-11-23',
    'it is 12:30:45 now',
    'version 1.2.3',
    'two plus 2 is 4',
    'set the oven to 200 degrees for 45 minutes',
    'account DE89 3704 0044 0532 0130 but not whole',
  ])('leaves %j as it is, or replaces no card and no account in it', (text) => {
    const { redacted } = redact(text);
    expect(redacted.card ?? 0).toBe(0);
    expect(redacted.iban ?? 0).toBe(0);
    expect(redacted.email ?? 0).toBe(0);
    expect(redacted.ip ?? 0).toBe(0);
  });

  it('does not take a number that fails the Luhn check for a card', () => {
    expect(redact('order 1234 5678 9012 3456').redacted.card).toBeUndefined();
  });

  it.each([
    ['full-width digits', 'card ４１１１ １１１１ １１１１ １１１１'],
    ['Arabic digits', 'card ٤١١١ ١١١١ ١١١١ ١١١١'],
    ['zero-width characters', 'card 4111\u200b1111\u200b1111\u200b1111'],
    ['a soft hyphen', 'card 41\u00ad11111111111111'],
  ])('sees through %s', (_name, text) => {
    expect(redact(text)).toEqual({ text: 'card <card>', redacted: { card: 1 } });
  });

  it('leaves no card or account in a text, wherever it stands', () => {
    const secret = fc.constantFrom(
      '4111111111111111',
      '4111 1111 1111 1111',
      'DE89370400440532013000',
      'a@b.example',
    );
    const word = fc.constantFrom('pay', 'with', 'the', 'now,', '(', ')', '.', '\n', 'é');
    fc.assert(
      fc.property(fc.array(word), secret, fc.array(word), (before, detail, after) => {
        const text = [...before, detail, ...after].join(' ');
        expect(redact(text).text).not.toContain(detail);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('gives something for every text, within its bound, and finds nothing new the second time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        const { text: once } = redact(text);
        expect(Buffer.byteLength(once)).toBeLessThanOrEqual(4_096);
        expect(redact(once).text).toBe(once);
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  it('is not slowed down by texts made for that', () => {
    const texts = [
      'a'.repeat(4_096),
      '1 '.repeat(2_048),
      'a@'.repeat(2_048),
      'AA00 '.repeat(819),
      ':'.repeat(4_096),
    ];
    const lengths = texts.map((text) => redact(text).text.length);
    expect(lengths.every((length) => length > 0)).toBe(true);
  });
});
