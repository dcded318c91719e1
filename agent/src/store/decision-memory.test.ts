import type { Decision, OffloadResponse } from '@nanofleet/protocol';
import { DECISIONS_REMEMBERED_MAX, decisionSchema } from '@nanofleet/protocol';
import { newId } from '@nanofleet/runtime/ports';
import { ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { DecisionMemory } from './decision-memory.ts';

const random = makeSeededRandom(4);
const clock = new ManualClock();

const decision = (status: Decision['offload']['status'] = 'queued'): Decision =>
  decisionSchema.parse({
    id: newId(clock, random),
    line: 'intent',
    version: '1',
    digest: '0'.repeat(64),
    label: 'weather',
    confidence: 0.4,
    outOfScope: 0.2,
    verdict: 'unsure',
    tier: 'nano',
    micros: 30,
    offload: { status },
  });
const answerTo = ({ id }: Decision, change: Partial<OffloadResponse> = {}): OffloadResponse => ({
  decision: id,
  tier: 'mini',
  label: 'alarm',
  confidence: 0.9,
  outOfScope: 0.1,
  verdict: 'sure',
  version: '1',
  digest: null,
  micros: 100,
  ...change,
});
const remembering = (asked: Decision, own = new ManualClock()) => {
  const memory = new DecisionMemory(own);
  memory.remember(asked, { askedMicros: own.monotonicMicros(), deadlineMs: own.unixMs() + 1_000 });
  return { memory, own };
};

describe('a remembered decision', () => {
  it('gets the answer of a bigger tier under its own id, with the time that it took', () => {
    const asked = decision();
    const { memory, own } = remembering(asked);
    own.advance(40);
    expect(memory.answer(answerTo(asked))).toBe(true);
    expect(memory.find(asked.id)?.offload).toMatchObject({
      status: 'answered',
      answer: { tier: 'mini', label: 'alarm', milliseconds: 40 },
    });
    expect(memory.find(asked.id)?.label).toBe('weather');
    expect(memory.awaiting()).toEqual([]);
  });

  it('takes the first answer only', () => {
    const asked = decision();
    const { memory } = remembering(asked);
    memory.answer(answerTo(asked));
    expect(memory.answer(answerTo(asked, { label: 'other' }))).toBe(false);
    expect(memory.find(asked.id)?.offload.answer?.label).toBe('alarm');
  });

  it('says so when nobody is sure, and when nobody could be asked', () => {
    const [first, second] = [decision(), decision()];
    const { memory } = remembering(first);
    memory.answer(answerTo(first, { label: null, verdict: 'unsure' }));
    expect(memory.find(first.id)?.offload).toMatchObject({ status: 'unanswered', answer: { label: null } });
    memory.remember(second, { askedMicros: 0, deadlineMs: Number.MAX_SAFE_INTEGER });
    memory.answer(answerTo(second, { tier: null, label: null, code: 'OFFLOAD_UNAVAILABLE' }));
    expect(memory.find(second.id)?.offload).toEqual({ status: 'unanswered', code: 'OFFLOAD_UNAVAILABLE' });
  });

  it('expires at its deadline and takes no answer afterwards', () => {
    const asked = decision();
    const { memory, own } = remembering(asked);
    own.advance(1_000);
    expect(memory.find(asked.id)?.offload).toEqual({ status: 'expired', code: 'OFFLOAD_EXPIRED' });
    expect(memory.answer(answerTo(asked))).toBe(false);
  });

  it('wakes whoever waits for the answer, or lets it go after its time', async () => {
    const [answered, late] = [decision(), decision()];
    const { memory, own } = remembering(answered);
    memory.remember(late, { askedMicros: 0, deadlineMs: own.unixMs() + 60_000 });
    const waits = [memory.waitFor(answered, 500), memory.waitFor(late, 500)];
    memory.answer(answerTo(answered));
    own.advance(500);
    expect((await Promise.all(waits)).map(({ offload }) => offload.status)).toEqual(['answered', 'queued']);
  });

  it('is forgotten beyond the bound, the oldest first', () => {
    const first = decision();
    const { memory, own } = remembering(first);
    for (let index = 0; index < DECISIONS_REMEMBERED_MAX; index += 1)
      memory.remember(decision('none'), { askedMicros: 0, deadlineMs: own.unixMs() });
    expect(memory.find(first.id)).toBeNull();
    expect(memory.awaiting()).toEqual([]);
  });
});
