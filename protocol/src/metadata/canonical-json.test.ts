// Behaviour of canonical JSON: one text for each value, and nothing else is read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METADATA_BYTES_MAX } from '../limits/models.ts';
import { canonicalJson, parseCanonicalJson } from './canonical-json.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): unknown => parseCanonicalJson(bytesOf(text), 'a document');

const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.stringMatching(/^[ -~]{0,12}$/),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z_"\\.]{0,6}$/), tie('value'), { maxKeys: 4 }),
  ),
})).value;

describe('canonical JSON', () => {
  it('comes back from its text as it was, whatever the order of its keys', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(read(canonicalJson(value))).toEqual(value);
      }),
      { seed: 31, numRuns: 300 },
    );
    expect(canonicalJson({ b: 1, a: [true, null], c: undefined })).toBe('{"a":[true,null],"b":1}');
  });

  it.each([
    ['a key that stands twice', '{"a":1,"a":2}'],
    ['a key that stands twice with one value', '{"a":1,"a":1}'],
    ['a space', '{"a": 1}'],
    ['keys in another order', '{"b":1,"a":1}'],
    ['a number written otherwise', '{"a":1.0}'],
    ['an escape that is not needed', '{"a":"\\u0041"}'],
    ['something behind it', '{"a":1}\n'],
  ])('is not %s', (_what, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'METADATA_AMBIGUOUS' }) as Error);
  });

  it.each([
    ['a fraction', '{"a":0.5}'],
    ['what is no JSON', '{"a":'],
    ['a number beyond those that are exact', '{"a":9007199254740993000}'],
    ['a control character', '{"a":"\\n"}'],
  ])('refuses %s', (_what, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'METADATA_MALFORMED' }) as Error);
  });

  it('is not read beyond its bound', () => {
    const long = `"${'a'.repeat(METADATA_BYTES_MAX)}"`;
    expect(() => read(long)).toThrow(expect.objectContaining({ code: 'METADATA_TOO_LARGE' }) as Error);
  });
});
