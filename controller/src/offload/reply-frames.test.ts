import type { DeviceId, Frame, Uuid } from '@nanofleet/protocol';
import { ManualClock, settle } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { ReplyFrames } from './reply-frames.ts';

const DECISION = '01933b6c-0000-7000-8000-000000000003' as Uuid;

const sending = (fails = false) => {
  const clock = new ManualClock();
  const sent: Frame[] = [];
  const sendFrame = (_device: DeviceId, _channel: unknown, frame: Frame): Promise<void> => {
    sent.push(frame);
    return fails ? Promise.reject(new TypeError('no link')) : Promise.resolve();
  };
  const frames = new ReplyFrames({
    link: { sendFrame },
    clock,
    device: 'home-1' as DeviceId,
    decision: DECISION,
  });
  const texts = (): string[] => sent.map(({ payload }) => Buffer.from(payload).toString());
  return { clock, frames, sent, texts };
};

describe('the frames of a reply', () => {
  it('go out at once for the first piece, then for what came within 20 ms together', () => {
    const { clock, frames, sent, texts } = sending();
    for (const piece of ['I', ' can', ' do']) frames.add(piece);
    expect(texts()).toEqual(['I']);
    clock.advance(19);
    expect(texts()).toEqual(['I']);
    clock.advance(1);
    expect(texts()).toEqual(['I', ' can do']);
    frames.add(' that.');
    frames.end();
    expect(texts()).toEqual(['I', ' can do', ' that.']);
    expect(sent.map(({ correlation, index, isLast }) => [correlation, index, isLast])).toEqual([
      [DECISION, 0, false],
      [DECISION, 1, false],
      [DECISION, 2, true],
    ]);
    expect(clock.waiting).toBe(0);
  });

  it('go out before their time when they are full', () => {
    const { frames, texts } = sending();
    frames.add('I');
    frames.add('ü'.repeat(512));
    expect(texts()).toEqual(['I', 'ü'.repeat(512)]);
  });

  it('are none for a reply that never began, and no more for one that was given up', () => {
    const { clock, frames, texts } = sending();
    frames.end();
    frames.add('I');
    frames.add(' was');
    frames.abandon();
    clock.advance(1_000);
    expect(texts()).toEqual(['I']);
  });

  it('end with the first that is lost: behind a gap nothing is of use', async () => {
    const { frames, texts } = sending(true);
    frames.add('I');
    await settle();
    frames.add('x'.repeat(2_000));
    frames.end();
    expect(texts()).toEqual(['I']);
  });
});
