import {
  type Decision,
  digestSchema,
  lineIdSchema,
  makeUuid,
  OFFLOAD_DEADLINE_DEFAULT_MS,
  type OffloadOutcome,
  type OffloadPolicy,
  type OffloadResponse,
  PAIRS_AT_ONCE,
  PAIRS_INPUTS_MAX,
  PAIRS_OPEN_MAX,
  parseId,
  type Uuid,
} from '@nanofleet/protocol';
import type { TextRunner } from '@nanofleet/runtime';
import { pause } from '@nanofleet/runtime/ports';
import { ManualClock, settle } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { LineFigures } from '../health/line-figures.ts';
import { Pairs } from './pairs.ts';

const line = parseId(lineIdSchema, 'intent');
const digest = parseId(digestSchema, '2'.repeat(64));
const doer = { line, digest };

/** A version before that says `off` to whatever speaks of it, and needs some time for it. */
const former = (clock: ManualClock, takesMs: number): TextRunner =>
  ({
    task: 'text-intent',
    decide: async (text: string) => {
      if (takesMs > 0) await pause(clock, takesMs);
      if (text.includes('fails')) throw new TypeError('no such text');
      return { label: text.includes('off') ? 'off' : 'on', verdict: 'sure' };
    },
  }) as unknown as TextRunner;

/** A line whose running version is sure that everything is `on`, beside one that is not. */
class Line {
  readonly clock = new ManualClock();
  readonly figures = new LineFigures();
  readonly decisions = new Map<string, Decision>();
  /** What a bigger tier was asked beyond the decisions that were offloaded in any case. */
  readonly asked: { text: string; id: Uuid }[] = [];
  policy: OffloadPolicy = 'mini';
  outcome: OffloadOutcome = { status: 'queued' };
  enough = 0;
  #ids = 0;
  readonly pairs = new Pairs({
    clock: this.clock,
    figures: this.figures,
    policy: () => this.policy,
    newId: () => this.#newId(),
    find: (id) => this.decisions.get(id) ?? null,
    ask: (text, { id }) => {
      this.asked.push({ text, id });
      return this.outcome;
    },
  });

  constructor(takesMs = 0) {
    this.figures.began(doer);
    this.pairs.begin(doer, { former: former(this.clock, takesMs), enough: () => void (this.enough += 1) });
  }

  async say(text: string, offload: OffloadOutcome = { status: 'none' }): Promise<Decision> {
    const verdict = offload.status === 'none' ? 'sure' : 'unsure';
    const decision = { ...doer, id: this.#newId(), label: 'on', verdict, offload } as unknown as Decision;
    this.pairs.decided(decision, text);
    this.decisions.set(decision.id, decision);
    this.clock.advance(0);
    await settle();
    return decision;
  }

  answer(id: Uuid, change: Partial<OffloadResponse>): void {
    this.pairs.answered({ decision: id, tier: 'mini', verdict: 'sure', ...change } as OffloadResponse);
  }

  get counts() {
    const running = { [line]: { version: '2', releaseCounter: 2, digest } };
    return this.figures.onto(running)[line]?.figures?.pairs;
  }

  #newId(): Uuid {
    this.#ids += 1;
    return makeUuid(this.#ids, new Uint8Array(10));
  }
}

describe('pairs', () => {
  it('ask nobody where both versions say the same', async () => {
    const home = new Line();
    await home.say('lamp on');
    expect([home.asked, home.counts]).toEqual([[], { inputs: 1, judged: 1, newRight: 0, oldRight: 0 }]);
  });

  it.each([
    ['the new version', { label: 'on' }, { judged: 1, newRight: 1, oldRight: 0 }],
    ['the one before', { label: 'off' }, { judged: 1, newRight: 0, oldRight: 1 }],
    ['neither', { label: 'dim' }, { judged: 1, newRight: 0, oldRight: 0 }],
    ['neither', { label: null, verdict: 'out-of-scope' }, { judged: 1, newRight: 0, oldRight: 0 }],
    ['nobody, for it does not know', { label: null, verdict: 'unsure' }, { judged: 0 }],
    ['nobody, for no tier could be asked', { tier: null }, { judged: 0 }],
  ] as const)('have a bigger tier judge where they differ: %s is right', async (_who, answer, expected) => {
    const home = new Line();
    await home.say('lamp off');
    expect(home.counts).toMatchObject({ inputs: 1, judged: 0 });
    expect(home.asked.map(({ text }) => text)).toEqual(['lamp off']);
    home.answer(home.asked[0]?.id as Uuid, answer);
    expect(home.counts).toMatchObject({ inputs: 1, ...expected });
  });

  it('take the answer to what was offloaded in any case, and ask no second time', async () => {
    const home = new Line();
    const { id } = await home.say('lamp off', { status: 'queued' });
    home.answer(id, { label: 'off' });
    const answer = { tier: 'mini', label: 'on', verdict: 'sure' } as OffloadOutcome['answer'];
    await home.say('hall off', { status: 'answered', ...(answer && { answer }) });
    expect(home.asked).toEqual([]);
    expect(home.counts).toMatchObject({ judged: 2, newRight: 1, oldRight: 1 });
  });

  it('send nothing, and compare nothing, where the policy keeps texts on the device', async () => {
    const home = new Line();
    home.policy = 'none';
    await home.say('lamp off');
    expect([home.asked, home.counts?.inputs]).toEqual([[], 0]);
  });

  it('count what could not be asked, and what is not answered in time, as judged by nobody', async () => {
    const home = new Line();
    home.outcome = { status: 'refused', code: 'DISK_FULL' };
    await home.say('lamp off');
    home.outcome = { status: 'queued' };
    await home.say('hall off');
    home.clock.advance(OFFLOAD_DEADLINE_DEFAULT_MS);
    await home.say('lamp on');
    home.answer(home.asked[1]?.id as Uuid, { label: 'on' });
    expect(home.counts).toEqual({ inputs: 3, judged: 0, newRight: 0, oldRight: 0 });
  });

  it('stop asking while too many questions are open', async () => {
    const home = new Line();
    for (let at = 0; at < PAIRS_OPEN_MAX + 10; at += 1) await home.say(`lamp ${at} off`);
    expect(home.asked).toHaveLength(PAIRS_OPEN_MAX);
    home.answer(home.asked[0]?.id as Uuid, { label: 'on' });
    await home.say('one more off');
    expect(home.asked).toHaveLength(PAIRS_OPEN_MAX + 1);
  });

  it('rest nine times as long as a comparison took', async () => {
    const home = new Line(1);
    const wait = async (milliseconds: number): Promise<void> => {
      home.clock.advance(milliseconds);
      await settle();
    };
    await home.say('lamp on');
    await wait(1);
    await wait(8);
    await home.say('hall on');
    await wait(0.5);
    await home.say('attic on');
    await wait(0.5);
    expect(home.counts?.inputs).toBe(1);
    await home.say('hall on');
    await wait(1);
    expect(home.counts?.inputs).toBe(2);
  });

  it('take fewer and fewer inputs, and say when they have had enough', async () => {
    const home = new Line();
    for (let at = 0; at < PAIRS_AT_ONCE * 3; at += 1) await home.say(`lamp ${at} on`);
    expect(home.counts?.inputs).toBe(PAIRS_AT_ONCE * 2);
    for (let at = 0; home.enough === 0; at += 1) await home.say(`hall ${at} on`);
    expect(home.counts?.inputs).toBe(PAIRS_INPUTS_MAX);
  });

  it('compare, and ask about, what a home says over and over once', async () => {
    const home = new Line();
    for (let at = 0; at < 5; at += 1) await home.say('lamp off');
    expect([home.asked.length, home.counts?.inputs]).toEqual([1, 1]);
  });

  it('compare no other version, nothing that the version before fails on, and nothing after their end', async () => {
    const home = new Line();
    const other = { line, digest: parseId(digestSchema, '3'.repeat(64)) };
    home.pairs.decided({ ...other, verdict: 'sure', label: 'on' } as Decision, 'lamp off');
    await home.say('this fails');
    await home.say('lamp off');
    await home.pairs.end(line);
    await home.say('hall off');
    expect(home.asked.map(({ text }) => text)).toEqual(['lamp off']);
  });
});
