// What events of the stream make of the page's state.
import { expect, it } from 'vitest';
import { afterEvent, afterGap, INITIAL } from './live-state.ts';

const decision = (position: number) => ({
  position,
  receivedAt: 1,
  device: 'home-1',
  line: 'intent',
  label: 'lights_on',
  confidence: 0.9,
  verdict: 'sure',
  tier: 'nano',
  micros: 12,
});

it('decisions are kept newest first, each once, up to a bound', () => {
  const first = afterEvent(INITIAL, 'decisions', { items: [decision(1), decision(2)], isCut: false });
  const second = afterEvent(first, 'decisions', { items: [decision(2), decision(3)], isCut: false });
  expect(second.decisions.map(({ position }) => position)).toEqual([3, 2, 1]);
  const many = Array.from({ length: 150 }, (_, index) => decision(index + 10));
  expect(afterEvent(second, 'decisions', { items: many, isCut: true }).decisions.length).toBe(100);
});

it('a changed part is counted, a foreign one changes nothing', () => {
  expect(afterEvent(INITIAL, 'changed', ['models', 'models']).revisions.models).toBe(2);
  expect(afterEvent(INITIAL, 'changed', ['weather'])).toBe(INITIAL);
});

it('after a gap every part is asked for again', () => {
  expect(Object.values(afterGap(INITIAL).revisions).every((count) => count === 1)).toBe(true);
});
