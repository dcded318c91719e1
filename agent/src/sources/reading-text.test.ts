import { describe, expect, it } from 'vitest';
import { splitRow } from './csv-reader.ts';
import { followJsonPath, parseJsonPath } from './json-path.ts';
import { LineCutter } from './line-cutter.ts';
import { isTopicOf } from './topic-filter.ts';

describe('a path into JSON', () => {
  const value = { a: { b: [10, { 'c d': 'found' }] }, __proto__x: 1 };
  it.each([
    ['$', value],
    ['$.a.b[0]', 10],
    ["$.a.b[1]['c d']", 'found'],
    ['$.a["b"][-1]["c d"]', 'found'],
    ['$.a.b[7]', undefined],
    ['$.a.b.length', undefined],
    ['$.constructor', undefined],
    ['$.a.b[0].x', undefined],
  ])('%s', (text, expected) => {
    const path = parseJsonPath(text);
    expect(path).not.toBeNull();
    expect(followJsonPath(value, path ?? [])).toEqual(expected);
  });

  it.each(['', 'a.b', '$a', '$.', '$..a', '$.*', '$[*]', '$[0:2]', '$[?@.a]', '$.a[', "$['it's']", '$.a b'])(
    'is refused where it could name many values, or none: %j',
    (text) => expect(parseJsonPath(text)).toBeNull(),
  );
});

describe('a filter of topics', () => {
  it.each([
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a/b/d', false],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['#', '$SYS/broker', false],
    ['+/b', '$SYS/b', false],
    ['$SYS/#', '$SYS/broker', true],
    ['a/b', 'a/b/c', false],
    ['a/+', 'a', false],
  ])('%s has %s: %s', (filter, topic, isOf) => expect(isTopicOf(filter, topic)).toBe(isOf));
});

describe('lines of bytes', () => {
  it('are the same however the bytes come, also within a letter', () => {
    const bytes = Buffer.from('one\r\nzwölf\n\nlast');
    for (let size = 1; size <= bytes.length; size += 1) {
      const cutter = new LineCutter(100);
      const lines = [];
      for (let at = 0; at < bytes.length; at += size)
        lines.push(...cutter.push(bytes.subarray(at, at + size)));
      lines.push(...cutter.end());
      expect(lines.map(({ text }) => text)).toEqual(['one', 'zwölf', '', 'last']);
      expect(lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(bytes.length);
    }
  });

  it('come as null when too long, once, with all their bytes', () => {
    const cutter = new LineCutter(4);
    const lines = ['ab', 'cdef', 'ghij', '\nok\n'].flatMap((piece) => cutter.push(Buffer.from(piece)));
    expect(lines).toEqual([
      { text: null, bytes: 11 },
      { text: 'ok', bytes: 3 },
    ]);
    expect(cutter.end()).toEqual([]);
  });
});

it('splits rows of CSV with quotes', () => {
  expect(splitRow('a,"b, ""c""",,d', ',')).toEqual(['a', 'b, "c"', '', 'd']);
  expect(splitRow('1;2', ';')).toEqual(['1', '2']);
});
