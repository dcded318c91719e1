import { type Frame, REPLY_CHARACTERS_MAX, type Uuid } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { Replies } from './replies.ts';

const DECISION = '01933b6c-0000-7000-8000-000000000003' as Uuid;
const frame = (index: number, text: string): Frame => ({
  kind: 'tokens',
  correlation: DECISION,
  index,
  isLast: false,
  payload: Buffer.from(text),
});
const following = () => {
  const replies = new Replies();
  const pieces: object[] = [];
  const stop = replies.follow(DECISION, (piece) => pieces.push(piece));
  return { replies, pieces, stop };
};

it('pieces come in their order, each once, and all so far to whoever comes later', () => {
  const { pieces, replies } = following();
  for (const one of [
    frame(0, 'I can'),
    frame(0, 'I can'),
    frame(1, ' do'),
    frame(0, 'I can'),
    frame(2, ''),
  ]) {
    if (one.index !== 0 || pieces.length < 2) replies.take(one);
  }
  expect(pieces).toEqual([{ text: 'I can' }, { text: ' do' }]);
  const late: object[] = [];
  replies.follow(DECISION, (piece) => late.push(piece));
  expect(late).toEqual([{ text: 'I can do' }]);
});

it('frame 0 after others begins the text anew', () => {
  const { pieces, replies } = following();
  for (const one of [frame(0, 'a'), frame(1, 'b'), frame(0, 'c'), frame(1, 'd')]) replies.take(one);
  expect(pieces).toEqual([{ text: 'a' }, { text: 'b' }, { text: 'c', restart: true }, { text: 'd' }]);
});

it('nothing is said behind a gap, beyond the bound, or after stopping', () => {
  const { pieces, replies, stop } = following();
  for (const one of [frame(0, 'a'), frame(2, 'c'), frame(1, 'b'), frame(3, 'd')]) replies.take(one);
  replies.take(frame(0, 'x'.repeat(REPLY_CHARACTERS_MAX)));
  replies.take(frame(1, 'y'));
  expect(pieces).toHaveLength(2);
  stop();
  replies.take(frame(0, 'again'));
  expect(pieces).toHaveLength(2);
});

it('characters that a terminal would obey are taken out', () => {
  const { pieces, replies } = following();
  replies.take(frame(0, 'a\u001b[2Jb'));
  expect(pieces).toEqual([{ text: 'a[2Jb' }]);
});
