import { describe, expect, it } from 'vitest';
import { answered, contributed, type MemberState, type RoundState, ticked } from './rounds.machine.ts';

const ROUND: RoundState = {
  status: 'training',
  settings: { updatesMin: 1, updatesMax: 10, examplesMin: 1, examplesMax: 100 },
  deadlineAt: 1_000,
  asked: 2,
  accepted: 2,
  declined: 0,
  updates: 0,
  refused: 0,
  rejected: 0,
  examples: 0,
};
const ACCEPTED: MemberState = { state: 'accepted', examples: 8, code: null };

describe('a device that gives up what it had accepted', () => {
  it('is not waited for: the round goes on with those that are left', () => {
    const gaveUp = answered(ROUND, ACCEPTED, { examples: 0, code: 'TRAINING_FAILED' });
    expect(gaveUp.member).toEqual({ state: 'declined', examples: 8, code: 'TRAINING_FAILED' });
    expect(ticked(gaveUp.round, 10)).toBe(gaveUp.round);
    const last = contributed(gaveUp.round, ACCEPTED, { examples: 8, atMs: 20 });
    expect(last.round).toMatchObject({ status: 'aggregating', updates: 1, declined: 1 });
  });

  it('changes nothing once its update has come, or when it only accepts again', () => {
    const updated: MemberState = { state: 'updated', examples: 8, code: null };
    const late = answered(ROUND, updated, { examples: 0, code: 'ROUND_OVER' });
    expect(late).toEqual({ round: ROUND, member: updated, refusal: null });
    const again = answered(ROUND, ACCEPTED, { examples: 9, code: undefined });
    expect(again).toEqual({ round: ROUND, member: ACCEPTED, refusal: null });
  });
});
