// Templates of sentences: what they mean, and what is refused.
import { toNanofleetError } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../seeded-random.ts';
import { drawSentence, type Lists, parseTemplate } from './grammar.ts';

const PLACE = { file: 'some.txt', line: 3 };
const LISTS: Lists = new Map([
  ['city', [parseTemplate('(new|old) york', PLACE), parseTemplate('rome', PLACE)]],
]);

function sentences(source: string, lists = LISTS): Set<string> {
  const template = parseTemplate(source, PLACE);
  const random = new SeededRandom(1, 'test');
  return new Set(Array.from({ length: 200 }, () => drawSentence(template, { lists, random, place: PLACE })));
}

describe('templates', () => {
  it('give every combination of alternatives, optional parts and lists, with single blanks', () => {
    expect(sentences('[please] (go|drive) to {city}').size).toBe(12);
    expect(sentences('a (b|c [d]|) e')).toEqual(new Set(['a b e', 'a c e', 'a c d e', 'a e']));
  });

  it.each([
    ['(a|b', ') is missing'],
    ['a) b', ') closes nothing'],
    ['a | b', '| stands outside of brackets'],
    ['a {city', '} is missing'],
    ['Hello', 'holds other characters'],
    ['a (b]', ') is missing'],
  ])('refuse %s with file and line', (source, problem) => {
    expect(() => parseTemplate(source, PLACE)).toThrow(`some.txt, line 3: `);
    expect(() => parseTemplate(source, PLACE)).toThrow(problem);
  });

  it('refuse a list that is not there, and one that names itself', () => {
    expect(() => sentences('to {town}')).toThrow('there is no list town');
    const endless: Lists = new Map([['city', [parseTemplate('{city} two', PLACE)]]]);
    expect(() => sentences('to {city}', endless)).toThrow('lists nest deeper');
  });

  it('never fail otherwise than by a refusal, whatever the line', () => {
    const codeOf = (source: string): string => {
      try {
        parseTemplate(source, PLACE);
        return 'TRAINING_SET_INVALID';
      } catch (error) {
        return toNanofleetError(error).code;
      }
    };
    const unit = fc.constantFrom('a', 'b', ' ', '(', ')', '[', ']', '{', '}', '|');
    const codes = fc.sample(fc.string({ unit }), { seed: 1, numRuns: 300 }).map(codeOf);
    expect(new Set(codes)).toEqual(new Set(['TRAINING_SET_INVALID']));
  });
});
