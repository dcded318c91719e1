import type { Digest, LineId, RoundPlan, Uuid } from '@nanofleet/protocol';
import { ADDED_TENSORS, HEAD_TENSORS } from '@nanofleet/runtime';
import { describe, expect, it } from 'vitest';
import {
  answerPlan,
  endRound,
  NO_ROUNDS,
  type PlanFacts,
  type RoundsState,
  sentUpdate,
} from './rounds.machine.ts';

const idOf = (number: number) => `0199aaaa-0000-7000-8000-00000000000${number}` as Uuid;
const BASE = 'a'.repeat(64) as Digest;
const plan: RoundPlan = {
  line: 'intent' as LineId,
  base: BASE,
  labels: { version: 2, added: ['feed_pet'] },
  tensors: [...ADDED_TENSORS],
  examplesMin: 3,
  examplesMax: 50,
  steps: 10,
  learningRate: 0.01,
  clipNorm: 1,
  noise: 0,
  masked: false,
  seed: 1,
};
const facts: PlanFacts = {
  isOn: true,
  policy: 'mini',
  running: { digest: BASE, labels: ['on', 'off'], labelsVersion: 1, isTrainable: true },
  isOtherTask: false,
  examples: 8,
  remainingMs: 1_000,
};

const ask = (
  state: RoundsState,
  change: { round?: Uuid; plan?: Partial<RoundPlan>; facts?: Partial<PlanFacts> } = {},
) =>
  answerPlan(state, {
    round: change.round ?? idOf(1),
    plan: { ...plan, ...change.plan },
    facts: { ...facts, ...change.facts },
  });

describe('answerPlan', () => {
  it('begins a round that fits, with no more examples than the plan counts', () => {
    expect(ask(NO_ROUNDS).answer).toEqual({ kind: 'begin', examples: 8 });
    expect(ask(NO_ROUNDS, { plan: { tensors: [...HEAD_TENSORS] } }).answer.kind).toBe('begin');
    expect(ask(NO_ROUNDS, { plan: { examplesMax: 5 } }).answer).toEqual({ kind: 'begin', examples: 5 });
  });

  it.each([
    ['learning is off', {}, { isOn: false }, 'ROUND_DECLINED'],
    ['nothing may leave', {}, { policy: 'none' }, 'ROUND_DECLINED'],
    ['masks are asked for', { masked: true }, {}, 'ROUND_DECLINED'],
    ['noise is asked for', { noise: 0.5 }, {}, 'ROUND_DECLINED'],
    ['other tensors are asked for', { tensors: ['table'] }, {}, 'ROUND_DECLINED'],
    ['no such line runs', {}, { running: null }, 'LINE_UNKNOWN'],
    ['the line does another task', {}, { running: null, isOtherTask: true }, 'LINE_TASK_WRONG'],
    [
      'the model was imported',
      {},
      { running: { digest: BASE, labels: [], labelsVersion: 1, isTrainable: false } },
      'LINE_NOT_TRAINABLE',
    ],
    ['another bundle runs', { base: 'b'.repeat(64) }, {}, 'UPDATE_BASE_WRONG'],
    ['an added label is there already', { labels: { version: 2, added: ['on'] } }, {}, 'UPDATE_BASE_WRONG'],
    ['the label list is older', { labels: { version: 1, added: ['feed_pet'] } }, {}, 'UPDATE_BASE_WRONG'],
    ['there are too few examples', { examplesMin: 9 }, {}, 'EXAMPLES_TOO_FEW'],
    ['there is no example', { examplesMin: 0 }, { examples: 0 }, 'EXAMPLES_TOO_FEW'],
    ['its time has passed', {}, { remainingMs: 0 }, 'ROUND_OVER'],
  ])('declines when %s', (_why, changedPlan, changedFacts, code) => {
    const { answer, state } = ask(NO_ROUNDS, {
      plan: changedPlan as Partial<RoundPlan>,
      facts: changedFacts as Partial<PlanFacts>,
    });
    expect(answer).toEqual({ kind: 'decline', code });
    expect(state).toBe(NO_ROUNDS);
  });

  it('does nothing twice when a plan comes again', () => {
    const { state } = ask(NO_ROUNDS);
    expect(ask(state)).toEqual({ answer: { kind: 'repeat', examples: 8 }, state });
    const sent = sentUpdate(state, idOf(1));
    expect(ask(sent)).toEqual({ answer: { kind: 'resend', examples: 8 }, state: sent });
    expect(ask(endRound(sent, idOf(1))).answer).toEqual({ kind: 'decline', code: 'ROUND_OVER' });
  });

  it('works for one round at a time: a later one of the same line takes over, others are declined', () => {
    const { state } = ask(NO_ROUNDS, { round: idOf(5) });
    expect(ask(state, { round: idOf(4) }).answer).toEqual({ kind: 'decline', code: 'ROUND_DECLINED' });
    const later = ask(state, { round: idOf(6) });
    expect(later.answer.kind).toBe('begin');
    expect(ask(later.state, { round: idOf(5) }).answer).toEqual({ kind: 'decline', code: 'ROUND_OVER' });
    const other = { ...state, current: state.current && { ...state.current, line: 'other' as LineId } };
    expect(ask(other, { round: idOf(6) }).answer).toEqual({ kind: 'decline', code: 'ROUND_DECLINED' });
    // Once its update is sent a round takes nothing but memory.
    expect(ask(sentUpdate(other, idOf(5)), { round: idOf(6) }).answer.kind).toBe('begin');
  });

  it('forgets the oldest of the rounds that are over', () => {
    const many = Array.from({ length: 70 }, (_, at) => `${at}` as Uuid);
    const { over } = many.reduce(endRound, NO_ROUNDS);
    expect([over.length, over[0], over.at(-1)]).toEqual([64, '6', '69']);
  });
});
