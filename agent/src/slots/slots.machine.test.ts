import { digestSchema, parseId, TRIALS_BROKEN_MAX } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  advance,
  ask,
  beginStart,
  commit,
  EMPTY_SLOT,
  endStart,
  fallBack,
  goBack,
  isRollback,
  isStartBroken,
  keptDigests,
  leave,
  lowestCounter,
  onProbation,
  recover,
  refuse,
  type SlotState,
  serving,
  slotStateSchema,
  tryOut,
  withdraw,
} from './slots.machine.ts';

const wishOf = (releaseCounter: number) => ({
  digest: parseId(digestSchema, releaseCounter.toString(16).padStart(64, '0')),
  releaseCounter,
});
const BOOT = 'one';
const refusalOf = (counter: number) =>
  ({ digest: wishOf(counter).digest, code: 'MODEL_FAILS', message: 'it fails', at: 1 }) as const;

const trying = (state: SlotState, counter: number): SlotState => {
  const asked = ask(state, wishOf(counter));
  const staged = advance(advance(asked, 'verifying'), 'staging');
  return tryOut(staged, { stage: 'accepting', version: `${counter}`, boot: BOOT });
};
const onTrial = (state: SlotState, counter: number): SlotState =>
  tryOut(trying(state, counter), { stage: 'probation', version: `${counter}`, boot: BOOT });
const running = (...counters: number[]): SlotState =>
  counters.reduce((state, counter) => commit(onTrial(state, counter)), EMPTY_SLOT);
const startOf = (state: SlotState, boot: string | null = BOOT): SlotState => recover(state, { at: 5, boot });

describe('the slot of a line', () => {
  it('commits only what is on probation', () => {
    for (const state of [EMPTY_SLOT, running(1), trying(running(1), 2)]) expect(commit(state)).toBe(state);
    expect(running(1, 2)).toMatchObject({ accepted: wishOf(2), previous: wishOf(1), attempt: null });
  });

  it('serves what is on probation, and after any start what is accepted', () => {
    const state = onTrial(running(1), 2);
    expect(serving(state)?.releaseCounter).toBe(2);
    expect(lowestCounter(state)).toBe(1);
    const again = startOf(state);
    expect(serving(again)?.releaseCounter).toBe(1);
    expect(ask(again, wishOf(2)).attempt).not.toBeNull();
  });

  it('refuses a version whose trial has ended the agent too often, until something else was asked for', () => {
    let state = running(1);
    for (let times = 0; times < TRIALS_BROKEN_MAX; times += 1) {
      expect(state.refused).toBeNull();
      state = startOf(onTrial(state, 2));
    }
    expect(state.refused).toMatchObject({ digest: wishOf(2).digest, code: 'TRIAL_BROKEN' });
    expect(ask(state, wishOf(2)).attempt).toBeNull();
    expect(ask(ask(state, wishOf(1)), wishOf(2)).attempt).not.toBeNull();
  });

  it('tries a refused version once more when it is asked for another time, and not for that time again', () => {
    const refused = refuse(trying(running(1), 2), refusalOf(2));
    expect(ask(refused, { ...wishOf(2), attempt: 1 }).attempt).toBeNull();
    const again = ask(refused, { ...wishOf(2), attempt: 2 });
    expect(again.attempt).toMatchObject(wishOf(2));
    expect(ask(refuse(again, refusalOf(2)), { ...wishOf(2), attempt: 2 }).attempt).toBeNull();
  });

  it('holds neither a power cut nor an orderly end against a version', () => {
    let state = running(1);
    for (let times = 0; times < 3 * TRIALS_BROKEN_MAX; times += 1) {
      state = startOf(onTrial(state, 2), `boot ${times}`);
      state = startOf(leave(onTrial(state, 2)));
    }
    expect(state).toMatchObject({ refused: null, broken: null });
  });

  it('goes on with the probation of its only version, and gives that up, too, when it ends the agent', () => {
    let state = onTrial(EMPTY_SLOT, 1);
    for (let times = 1; times < TRIALS_BROKEN_MAX; times += 1) {
      state = startOf(state);
      expect(serving(state)?.releaseCounter).toBe(1);
    }
    expect(startOf(state)).toMatchObject({
      accepted: null,
      attempt: null,
      refused: { code: 'TRIAL_BROKEN' },
    });
    expect(startOf(trying(EMPTY_SLOT, 1))).toMatchObject({ accepted: null, attempt: null });
  });

  it('gives up an accepted version that has ended so many starts, if there is one before it', () => {
    const counted = (state: SlotState): SlotState =>
      Array.from({ length: TRIALS_BROKEN_MAX }).reduce<SlotState>(beginStart, state);
    expect(isStartBroken(counted(running(1, 2)))).toBe(true);
    expect(isStartBroken(endStart(counted(running(1, 2))))).toBe(false);
    expect(isStartBroken(counted(running(1)))).toBe(false);
    expect(fallBack(counted(running(1, 2)), refusalOf(2))).toMatchObject({ accepted: wishOf(1), starts: 0 });
  });

  it('goes back by order only from what is accepted to what was before', () => {
    const state = running(1, 2);
    const order = (from: number, to: number) => ({
      ...wishOf(to),
      rollback: { from: wishOf(from).digest, to: wishOf(to).digest },
    });
    expect(isRollback(state, order(2, 1))).toBe(true);
    for (const other of [order(1, 2), order(3, 1), order(2, 3), wishOf(1)])
      expect(isRollback(state, other)).toBe(false);
    expect(goBack(state)).toMatchObject({ accepted: wishOf(1), previous: null, asked: wishOf(1).digest });
  });

  it('reads what the agent of an earlier release has written', () => {
    const old = {
      accepted: { ...wishOf(1), version: '1' },
      previous: null,
      attempt: { ...wishOf(2), step: 'staging' },
      asked: wishOf(2).digest,
      refused: null,
    };
    expect(startOf(slotStateSchema.parse(old))).toEqual({
      ...running(1),
      asked: null,
      resumable: wishOf(2).digest,
    });
  });

  it('writes what that agent can read: it knows the steps, and gives any attempt up', () => {
    const { attempt } = onTrial(running(1), 2);
    expect(['fetching', 'verifying', 'staging']).toContain(attempt?.step);
  });
});

const step = fc.oneof(
  fc.record({ kind: fc.constant('ask' as const), counter: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constantFrom(
      ...(['verifying', 'staging', 'accepting', 'probation', 'commit', 'refuse', 'withdraw'] as const),
      ...(['leave', 'begin-start', 'end-start', 'go-back'] as const),
    ),
  }),
  fc.record({ kind: fc.constant('crash' as const), boot: fc.constantFrom('one', 'two', null) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const after = (state: SlotState, what: Step): SlotState => {
  const counter = state.attempt?.releaseCounter ?? 0;
  switch (what.kind) {
    case 'ask':
      // A trial is over, or was withdrawn, before anything else is begun.
      return ask(withdraw(state), wishOf(what.counter));
    case 'verifying':
    case 'staging':
      return onProbation(state) === null ? advance(state, what.kind) : state;
    case 'accepting':
    case 'probation':
      return tryOut(state, { stage: what.kind, version: `${counter}`, boot: BOOT });
    case 'commit':
      return commit(state);
    case 'refuse':
      return state.attempt === null ? state : refuse(state, refusalOf(counter));
    case 'withdraw':
      return withdraw(state);
    case 'leave':
      return leave(state);
    case 'begin-start':
      return beginStart(state);
    case 'end-start':
      return endStart(state);
    case 'go-back':
      return goBack(state);
    case 'crash':
      return recover(slotStateSchema.parse(JSON.parse(JSON.stringify(state))), { at: 5, boot: what.boot });
  }
};

describe('any story of a line', () => {
  const stories = fc.array(step, { maxLength: 60 });

  it('never loses what it has accepted, and serves exactly one version whose files it keeps', () => {
    fc.assert(
      fc.property(stories, (story) => {
        let state = EMPTY_SLOT;
        for (const what of story) {
          const before = state;
          state = after(state, what);
          expect(before.accepted === null || state.accepted !== null).toBe(true);
          const only = serving(state);
          expect(only === null || keptDigests(state).includes(only.digest)).toBe(true);
          expect(state.previous === null || state.previous.digest !== state.accepted?.digest).toBe(true);
          expect(state.broken?.times ?? 0).toBeLessThan(TRIALS_BROKEN_MAX);
        }
      }),
      { seed: 29, numRuns: 500 },
    );
  });

  it('accepts nothing but what was on probation, or was accepted before', () => {
    fc.assert(
      fc.property(stories, (story) => {
        let state = EMPTY_SLOT;
        for (const what of story) {
          const before = state;
          state = after(state, what);
          if (state.accepted?.digest === before.accepted?.digest) continue;
          const sources = [onProbation(before)?.digest, before.previous?.digest];
          expect(sources).toContain(state.accepted?.digest);
        }
      }),
      { seed: 30, numRuns: 500 },
    );
  });

  it('has nothing on trial after a start, but its only version', () => {
    fc.assert(
      fc.property(stories, fc.constantFrom('one', 'two', null), (story, boot) => {
        const end = startOf(story.reduce(after, EMPTY_SLOT), boot);
        expect(end.accepted === null || end.attempt === null).toBe(true);
        expect(serving(startOf(end, boot))?.digest).toBe(serving(end)?.digest);
      }),
      { seed: 31, numRuns: 500 },
    );
  });
});
