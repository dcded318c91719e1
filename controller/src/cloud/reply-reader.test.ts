import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyReader } from './reply-reader.ts';

const readIn = (content: string, cuts: readonly number[]): { text: string; reader: ReplyReader } => {
  const reader = new ReplyReader();
  const places = [0, ...cuts.map((cut) => cut % (content.length + 1)), content.length].toSorted(
    (a, b) => a - b,
  );
  const text = places
    .slice(1)
    .map((end, index) => reader.take(content.slice(places[index], end)))
    .join('');
  return { text, reader };
};

const heads = fc.record({
  intent: fc.string({ unit: 'grapheme' }),
  entities: fc.array(fc.record({ name: fc.string(), value: fc.string({ unit: 'binary' }) }), {
    maxLength: 3,
  }),
});

describe('the reply of an answer', () => {
  it('comes out as it will be parsed at the end, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(heads, fc.string({ unit: 'grapheme' }), fc.array(fc.nat()), (head, reply, cuts) => {
        const { reader, text } = readIn(JSON.stringify({ ...head, reply }), cuts);
        expect(text).toBe(reply);
        expect(reader.head).toEqual(head);
      }),
      { seed: 20261125, numRuns: 500 },
    );
  });

  it('comes out of escapes, white space and fields behind it, too', () => {
    const content =
      '{ "intent" : "a\\"reply\\": " ,\n "more": {"reply": "no"}, "reply" : "\\u00fc \\ud83d\\ude00\\n\\/" , "x": 1}';
    for (let size = 1; size < 9; size += 1) {
      const cuts = Array.from({ length: content.length }, (_, index) => index * size);
      expect(readIn(content, cuts).text).toBe('ü 😀\n/');
    }
  });

  it('is never begun with half of a character', () => {
    const reader = new ReplyReader();
    expect(reader.take('{"intent":"a","reply":"\\ud83d')).toBe('');
    expect(reader.take('\\ude00"}')).toBe('😀');
  });

  it('is empty for what is no such object, and nothing is thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), fc.array(fc.nat()), (content, cuts) => {
        expect(readIn(content, cuts).reader.whole).toBe(content);
      }),
      { seed: 20261125, numRuns: 300 },
    );
  });
});
