import { describe, expect, it } from 'vitest';
import { readArguments } from './command.ts';
import { TARGET_OPTIONS, tagsOf, targetOf } from './target.ts';

const target = (...argv: string[]) => {
  const command = {
    words: [],
    usage: 'push',
    summary: '',
    arguments: [0, 0] as const,
    options: TARGET_OPTIONS,
  };
  return targetOf(readArguments({ ...command, run: () => Promise.resolve(0) }, argv));
};

describe('whom a bundle is for', () => {
  it.each([
    [[], undefined],
    [['--all'], { all: true }],
    [['--group', 'homes'], { group: 'homes' }],
    [['--to', 'controller'], { controller: true }],
    [['--tags', 'site=oslo,note=a=b'], { tags: { site: 'oslo', note: 'a=b' } }],
  ])('is read from %j', (argv, expected) => {
    expect(target(...argv)).toEqual(expected);
  });

  it.each([
    [['--all', '--group', 'homes'], 'Give one of'],
    [['--to', 'kitchen'], '"kitchen"'],
    [['--group', 'No Group'], 'No Group'],
    [['--tags', 'site'], 'site=oslo'],
  ])('is refused from %j', (argv, named) => {
    expect(() => target(...argv)).toThrow(named);
  });

  it('has tags with a key each', () => {
    expect(tagsOf('a=1,b=')).toEqual({ a: '1', b: '' });
    expect(() => tagsOf('=x')).toThrow('Tags look like');
  });
});
