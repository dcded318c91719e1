// Behaviour of the parsers of values: what people say for numbers, durations, times, temperatures, colours, and names that a
// device knows.
import type { ValueKind } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namedThing } from './registry.ts';
import { valueOf, withRegistry } from './value-of.ts';

const numberOf = (text: string): number | null => {
  const value = valueOf(text, 'number');
  return value?.kind === 'number' ? value.number : null;
};

const ONES =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'x x twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

function spelled(value: number): string {
  if (value < 20) return ONES[value] ?? '';
  if (value < 100) return `${TENS[Math.floor(value / 10)]}${value % 10 === 0 ? '' : `-${ONES[value % 10]}`}`;
  const [unit, name] = value < 1000 ? [100, 'hundred'] : [1000, 'thousand'];
  const rest = value % unit;
  const tail = rest === 0 ? '' : rest < 100 ? ` and ${spelled(rest)}` : ` ${spelled(rest)}`;
  return `${spelled(Math.floor(value / unit))} ${name}${tail}`;
}

describe('numbers', () => {
  it('are read as they are spelled, up to a million', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), (value) => {
        expect(numberOf(spelled(value))).toBe(value);
        expect(numberOf(String(value))).toBe(value);
        expect(numberOf(`minus ${spelled(value)}`)).toBe(-value);
        expect(numberOf(value.toLocaleString('en'))).toBe(value);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([
    ['two and a half', 2.5],
    ['a half', 0.5],
    ['half', 0.5],
    ['three quarters', 0.75],
    ['19 and a 1/2', 19.5],
    ['1/2', 0.5],
    ['3½', 3.5],
    ['three point one four', 3.14],
    ['0.5', 0.5],
    ['2,5', 2.5],
    ['-3', -3],
    ['a hundred', 100],
    ['a dozen', 12],
    ['20%', 20],
    ['seventy percent', 70],
    ['five six', null],
    ['kitchen', null],
    ['', null],
    ['a', null],
  ])('of %j are %s', (text, expected) => {
    expect(numberOf(text)).toBe(expected);
  });

  it('never fail on any text', () => {
    const word = fc.constantFrom(
      'a',
      'and',
      'half',
      'point',
      'hundred',
      'two',
      '3',
      '1/0',
      '7:30',
      'to',
      'hour',
      'pm',
      '°',
      '-',
    );
    const kinds: ValueKind[] = ['number', 'duration', 'time', 'temperature', 'colour'];
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), fc.constantFrom(...kinds), (words, kind) => {
        const value = valueOf(words.join(' '), kind);
        expect(value === null || Object.values(value).every((part) => !Number.isNaN(part))).toBe(true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe('durations', () => {
  it.each([
    ['an hour and a half', 5400],
    ['half an hour', 1800],
    ['a quarter of an hour', 900],
    ['one and a half hours', 5400],
    ['90 minutes', 5400],
    ['1 hour 30 minutes and 5 seconds', 5405],
    ['two hours thirty', 9000],
    ['five minutes and a half', 330],
    ['1:30 hours', 5400],
    ['2 days', 172_800],
    ['45s', 45],
    ['five', null],
    ['an hour of music', null],
  ])('of %j are %s seconds', (text, seconds) => {
    expect(valueOf(text, 'duration')).toEqual(seconds === null ? null : { kind: 'duration', seconds });
  });
});

describe('times', () => {
  it.each([
    ['half past seven', '7:30', true],
    ['quarter to six', '5:45', true],
    ['ten past nine pm', '21:10', false],
    ['five minutes to eight in the morning', '7:55', false],
    ['7:30 p.m.', '19:30', false],
    ['7 30 am', '7:30', false],
    ['seven oh five', '7:05', true],
    ['seven thirty five', '7:35', true],
    ['at 18:45', '18:45', false],
    ["eight o'clock", '8:00', true],
    ['six a m', '6:00', false],
    ['noon', '12:00', false],
    ['midnight', '0:00', false],
    ['12 am', '0:00', false],
    ['12 pm', '12:00', false],
    ['eleven at night', '23:00', false],
    ['0:15', '0:15', false],
  ])('of %j are %s (half of the day untold: %s)', (text, clock, halfDay) => {
    const [hour = 0, minute = 0] = clock.split(':').map(Number);
    expect(valueOf(text, 'time')).toEqual({ kind: 'time', minuteOfDay: hour * 60 + minute, halfDay });
  });

  it.each(['later', 'seven kitchens', '25:00', 'half past'])('are not told by %j', (text) => {
    expect(valueOf(text, 'time')).toBeNull();
  });

  it('are read from every minute of the day', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1439 }), (minuteOfDay) => {
        const clock = `${Math.floor(minuteOfDay / 60)}:${String(minuteOfDay % 60).padStart(2, '0')}`;
        expect(valueOf(clock, 'time')).toMatchObject({ minuteOfDay });
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

describe('temperatures', () => {
  it.each([
    ['twenty one degrees', 21, null],
    ['70 °F', 70, 'fahrenheit'],
    ['minus five celsius', -5, 'celsius'],
    ['22.5', 22.5, null],
  ])('of %j are %f %s', (text, degrees, unit) => {
    expect(valueOf(text, 'temperature')).toEqual({ kind: 'temperature', degrees, unit });
  });

  it('are not told by words alone', () => {
    expect(valueOf('warm', 'temperature')).toBeNull();
  });
});

describe('colours', () => {
  it('are the longest name that the words hold', () => {
    expect(valueOf('light blue', 'colour')).toMatchObject({ name: 'light blue' });
    expect(valueOf('gray', 'colour')).toEqual({ kind: 'colour', name: 'grey', rgb: [128, 128, 128] });
    expect(valueOf('loud', 'colour')).toBeNull();
    expect(valueOf('constructor', 'colour')).toBeNull();
  });
});

describe('names of the registry', () => {
  const lamps = [
    { names: ['bedroom lamp', 'night light'] },
    { names: ['kitchen lamp'] },
    { names: ['Küche'] },
  ];

  it.each([
    ['the Kitchen lamp', 'kitchen lamp'],
    ['kichen lamp', 'kitchen lamp'],
    ['bed room lamps', 'bedroom lamp'],
    ['night light', 'bedroom lamp'],
    ['my küche', 'Küche'],
    ['lamp', null],
    ['garage door', null],
    ['', null],
  ])('%j means %s', (text, expected) => {
    expect(namedThing(text, lamps)).toBe(expected);
  });

  it('leave it open when two are alike', () => {
    expect(namedThing('lamp c', [{ names: ['lamp a'] }, { names: ['lamp b'] }])).toBeNull();
  });

  it('are added to entities of their kind', () => {
    const text = 'dim the kichen lamp';
    const entities = [{ type: 'name', start: 8, end: 19 }];
    const types: { name: string; value: ValueKind }[] = [{ name: 'name', value: 'device' }];
    const registry = { areas: [], devices: lamps };
    expect(withRegistry(entities, { text, types, registry })).toEqual([
      { type: 'name', start: 8, end: 19, value: { kind: 'device', name: 'kitchen lamp' } },
    ]);
  });
});
