// Behaviour of the text check: each unusable text is refused with its own code, without quoting it.

import { NanofleetError, TEXT_BYTES_MAX } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkText, utf8Bytes } from './check-text.ts';

const codeOf = (text: string): string => {
  try {
    checkText(text);
    return 'accepted';
  } catch (thrown) {
    return thrown instanceof NanofleetError ? thrown.code : 'another error';
  }
};

describe('checkText', () => {
  it.each([
    ['an ordinary utterance', 'turn the kitchen light on', 'accepted'],
    ['the longest text', 'a'.repeat(TEXT_BYTES_MAX), 'accepted'],
    ['a pair of surrogates', '🙂', 'accepted'],
    ['nothing', '', 'TEXT_EMPTY'],
    ['only white space', ' \t\n\u00a0', 'TEXT_EMPTY'],
    ['NUL', 'light\0on', 'TEXT_MALFORMED'],
    ['a lone surrogate', 'light \ud83d on', 'TEXT_MALFORMED'],
    ['one byte too many', 'a'.repeat(TEXT_BYTES_MAX + 1), 'TEXT_TOO_LARGE'],
    ['too many bytes in few characters', '語'.repeat(TEXT_BYTES_MAX / 2), 'TEXT_TOO_LARGE'],
    ['ten megabytes', 'a'.repeat(10_000_000), 'TEXT_TOO_LARGE'],
  ])('judges %s', (_name, text, expected) => {
    expect(codeOf(text)).toBe(expected);
  });

  it('never quotes the text in its error', () => {
    expect(() => checkText('my secret\0')).not.toThrow(/secret/);
  });
});

describe('utf8Bytes', () => {
  it('counts what the encoder of the platform writes, lone surrogates included', () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(units, (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
