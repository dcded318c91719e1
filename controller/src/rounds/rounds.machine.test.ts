// The machine of a round under any order of messages, duplicates and moments: what must always hold.
import type { ErrorCode } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aborted,
  aggregated,
  answered,
  contributed,
  evaluated,
  isEnded,
  isOpen,
  type MemberState,
  type RoundState,
  recruited,
  rejected,
  selected,
  ticked,
} from './rounds.machine.ts';

const DEADLINE_MS = 100;

const planned = (settings: Partial<RoundState['settings']> = {}): RoundState => ({
  status: 'planned',
  settings: { updatesMin: 2, updatesMax: 4, examplesMin: 1, examplesMax: 50, ...settings },
  deadlineAt: null,
  asked: 0,
  accepted: 0,
  declined: 0,
  updates: 0,
  refused: 0,
  rejected: 0,
  examples: 0,
});
const asked: MemberState = { state: 'asked', examples: 0, code: null };
const open = (devices: number, settings: Partial<RoundState['settings']> = {}): RoundState =>
  selected(planned(settings), { devices, deadlineAt: DEADLINE_MS });

/** A device and what it sends, or what happens to the round. */
const event = fc.oneof(
  fc.record({
    kind: fc.constant('accept'),
    device: fc.nat(4),
    examples: fc.nat(100),
    declines: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('update'), device: fc.nat(4), examples: fc.nat(100) }),
  fc.record({ kind: fc.constant('broken'), device: fc.nat(4) }),
  fc.record({ kind: fc.constant('pass'), byMs: fc.nat(40) }),
  fc.record({ kind: fc.constant('recruit') }),
  fc.record({ kind: fc.constantFrom('average', 'candidate') }),
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

interface World {
  round: RoundState;
  members: Map<number, MemberState>;
  atMs: number;
  told: (ErrorCode | null)[];
}

const step = (world: World, given: Event): void => {
  const { atMs, round } = world;
  const member = 'device' in given ? (world.members.get(given.device) ?? null) : null;
  const keep = (made: { round: RoundState; member: MemberState; refusal: ErrorCode | null }): void => {
    world.round = made.round;
    if ('device' in given && member !== null) world.members.set(given.device, made.member);
    if (given.kind !== 'accept') world.told.push(made.refusal);
  };
  switch (given.kind) {
    case 'accept':
      if (member !== null && 'declines' in given)
        keep(
          answered(round, member, {
            examples: given.examples,
            code: given.declines ? 'ROUND_DECLINED' : undefined,
          }),
        );
      return;
    case 'update':
      if ('examples' in given) keep(contributed(round, member, { examples: given.examples, atMs }));
      return;
    case 'broken':
      keep(rejected(round, member, { code: 'UPDATE_MALFORMED', atMs }));
      return;
    case 'pass':
      world.atMs += 'byMs' in given ? given.byMs : 0;
      world.round = { ...world.round, ...stateOf(ticked(round, world.atMs), round) };
      return;
    case 'recruit': {
      const next = recruited(round, 1);
      if (next !== round) world.members.set(world.members.size, asked);
      world.round = next;
      return;
    }
    case 'average':
      world.round = aggregated(round);
      return;
    default:
      world.round = evaluated(round);
  }
};

const stateOf = (next: ReturnType<typeof ticked>, round: RoundState): RoundState =>
  'code' in next ? { ...round, status: 'failed' } : next;

const ORDER = [
  'planned',
  'selecting',
  'training',
  'aggregating',
  'evaluating',
  'candidate',
  'failed',
  'aborted',
];
const inState = (world: World, state: MemberState['state']): number =>
  [...world.members.values()].filter((one) => one.state === state).length;

describe('a round', () => {
  it('counts right and only goes forward, whatever comes in whatever order', () => {
    const world = fc.record({
      devices: fc.integer({ min: 1, max: 4 }),
      updatesMin: fc.integer({ min: 1, max: 3 }),
      updatesMax: fc.integer({ min: 3, max: 5 }),
      examplesMin: fc.integer({ min: 1, max: 5 }),
      events: fc.array(event, { maxLength: 40 }),
    });
    fc.assert(
      fc.property(world, ({ devices, events, ...settings }) => {
        const now: World = {
          round: open(devices, settings),
          members: new Map(Array.from({ length: devices }, (_, at) => [at, asked])),
          atMs: 0,
          told: [],
        };
        for (const one of events) {
          const before = { ...now.round };
          step(now, one);
          const { round } = now;
          expect(ORDER.indexOf(round.status)).toBeGreaterThanOrEqual(ORDER.indexOf(before.status));
          expect(round.updates).toBe(inState(now, 'updated'));
          expect(round.declined).toBe(inState(now, 'declined'));
          expect(round.rejected).toBe(inState(now, 'refused'));
          expect(round.asked).toBe(now.members.size);
          const weights = [...now.members.values()].filter(({ state }) => state === 'updated');
          expect(round.examples).toBe(weights.reduce((sum, { examples }) => sum + examples, 0));
          for (const { examples } of weights) expect(examples).toBeLessThanOrEqual(settings.updatesMax * 50);
          expect(round.refused).toBe(now.told.filter((code) => code !== null).length);
          // Nothing is added once the average began.
          expect(isOpen(before) || round.updates === before.updates).toBe(true);
          expect(round.status !== 'aggregating' || round.updates >= settings.updatesMin).toBe(true);
        }
        // Time alone ends every round that is open.
        const last = ticked(now.round, now.atMs + DEADLINE_MS);
        expect(isOpen(last)).toBe(false);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it('takes a message that comes twice once, and tells so', () => {
    const first = contributed(open(3), asked, { examples: 10, atMs: 0 });
    const again = contributed(first.round, first.member, { examples: 99, atMs: 0 });
    expect(first.refusal).toBeNull();
    expect(again).toMatchObject({ refusal: 'UPDATE_DUPLICATE', member: first.member });
    expect(again.round).toEqual({ ...first.round, refused: 1 });
  });

  it('goes on without waiting when all that may come has come, or as many as it wants', () => {
    let { round } = contributed(open(3), asked, { examples: 1, atMs: 0 });
    round = answered(round, asked, { examples: 0, code: 'ROUND_DECLINED' }).round;
    expect(round.status).toBe('training');
    expect(contributed(round, asked, { examples: 1, atMs: 0 }).round.status).toBe('aggregating');
    const few = open(9, { updatesMin: 1, updatesMax: 1 });
    expect(contributed(few, asked, { examples: 1, atMs: 0 }).round.status).toBe('aggregating');
  });

  it('lets a device that took part withdraw, and goes on without it', () => {
    const accepted = answered(open(3), asked, { examples: 5, code: undefined });
    const gone = answered(accepted.round, accepted.member, { examples: 0, code: 'TRAINING_FAILED' });
    expect(gone.member).toMatchObject({ state: 'declined', code: 'TRAINING_FAILED' });
    expect(gone.round.declined).toBe(1);
    const late = contributed(gone.round, gone.member, { examples: 5, atMs: 0 });
    expect(late.refusal).toBe('ROUND_DECLINED');
  });

  it('fails at its deadline without a quorum, and goes on with one', () => {
    const one = contributed(open(3), asked, { examples: 1, atMs: 0 }).round;
    expect(ticked(one, DEADLINE_MS - 1)).toBe(one);
    expect(ticked(one, DEADLINE_MS)).toMatchObject({ status: 'failed', code: 'QUORUM_MISSED' });
    const two = contributed(one, asked, { examples: 1, atMs: 0 }).round;
    expect(ticked(two, DEADLINE_MS)).toMatchObject({ status: 'aggregating' });
  });

  it.each([
    ['late', open(3), asked, 'ROUND_OVER', DEADLINE_MS],
    ['when nobody is asked yet', planned(), asked, 'ROUND_OVER', 0],
    ['of a stranger', open(3), null, 'ROUND_DECLINED', 0],
    ['after declining', open(3), { ...asked, state: 'declined' as const }, 'ROUND_DECLINED', 0],
    ['with too few examples', open(3, { examplesMin: 30 }), asked, 'EXAMPLES_TOO_FEW', 0],
  ])('refuses an update %s', (_title, round, member, code, atMs) => {
    const made = contributed(round, member, { examples: 10, atMs });
    expect(made.refusal).toBe(code);
    expect(made.round).toMatchObject({ updates: 0, examples: 0, refused: 1 });
  });

  it('caps what a device claims', () => {
    expect(contributed(open(3), asked, { examples: 1e9, atMs: 0 }).round.examples).toBe(50);
  });

  it('ends once: nothing changes an end', () => {
    const end = aborted(open(3));
    expect(isEnded(end)).toBe(true);
    expect([aborted(end), aggregated(end), evaluated(end), ticked(end, 1e6), recruited(end, 1)]).toEqual(
      Array.from({ length: 5 }, () => end),
    );
  });
});

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
