import {
  type DesiredState,
  type DeviceTags,
  type Digest,
  type GroupId,
  type LineId,
  rolloutPlanSchema,
  type Uuid,
} from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type GroupPolicies,
  isSamePlan,
  type Membership,
  type PlannedLabels,
  type PlannedRollout,
  planDesired,
} from './desired.plan.ts';

const digest = (letter: string): Digest => letter.repeat(64) as Digest;
const bundles = new Map(
  ['a', 'b', 'c'].map((letter, at) => [digest(letter), { releaseCounter: at + 1, bytes: 100 }]),
);
const homes = 'homes' as GroupId;

type Target = 'all' | 'controller' | GroupId;

const targetOf = (target: Target): Pick<PlannedRollout, 'targetKind' | 'targetGroup' | 'targetTags'> =>
  target === 'all'
    ? { targetKind: 'all', targetGroup: null, targetTags: null }
    : {
        targetKind: target === 'controller' ? 'controller' : 'group',
        targetGroup: target === 'controller' ? null : target,
        targetTags: null,
      };

const rollout = (position: number, letter: string, target: Target, line = 'intent'): PlannedRollout => ({
  id: `01890a5d-ac96-774b-bcce-${String(position).padStart(12, '0')}` as Uuid,
  phase: null,
  plan: null,
  position,
  line: line as LineId,
  digest: digest(letter),
  createdAt: position,
  ...targetOf(target),
});

const plan = (
  rollouts: readonly PlannedRollout[],
  policies?: GroupPolicies,
  labels: ReadonlyMap<string, PlannedLabels> = new Map(),
) => planDesired({ group: homes, rollouts, bundles, policies, labels });

const SILENT: GroupPolicies = { offload: 'none', explanations: 'never', transfer: null };
const TALKATIVE: GroupPolicies = { offload: 'mini', explanations: 'local', transfer: null };
const SLOW: GroupPolicies = { ...TALKATIVE, transfer: { spreadMs: 5, bytesPerSecond: 2_000 } };

const stateOf = (planned: ReturnType<typeof plan>): DesiredState =>
  ({ ...planned, fleet: 'home', device: 'lamp', version: 3, issuedAt: 1 }) as unknown as DesiredState;

describe('planDesired', () => {
  it('takes the latest rollout of each line that is for the group or for all', () => {
    const lines = plan([
      rollout(1, 'a', 'all'),
      rollout(2, 'b', homes),
      rollout(3, 'c', 'pumps' as GroupId),
      rollout(4, 'c', 'all', 'vibration'),
    ]).lines;
    expect(Object.entries(lines).map(([line, { digest: wanted }]) => [line, wanted])).toEqual([
      ['intent', digest('b')],
      ['vibration', digest('c')],
    ]);
  });

  it('lets a later rollout for all replace one for the group', () => {
    expect(plan([rollout(1, 'a', homes), rollout(2, 'b', 'all')]).lines).toMatchObject({
      intent: { digest: digest('b') },
    });
  });

  it('never plans what is for the controller or what the registry does not hold', () => {
    expect(plan([rollout(1, 'a', 'controller'), rollout(2, 'f', 'all')]).lines).toEqual({});
  });

  it('gives the default policies to a group without any', () => {
    expect(plan([])).toMatchObject({ offload: 'mini', explanations: 'never' });
    expect(plan([], SILENT)).toMatchObject({ offload: 'none', explanations: 'never' });
    expect(plan([], SLOW)).toMatchObject(SLOW);
    expect(plan([])).not.toHaveProperty('transfer');
  });

  it('does not depend on the order in which the history is given', () => {
    const letters = fc.constantFrom('a', 'b', 'c');
    const targets = fc.constantFrom<'all' | GroupId>('all', homes, 'pumps' as GroupId);
    const histories = fc.array(fc.tuple(letters, targets), { maxLength: 8 });
    fc.assert(
      fc.property(histories, fc.infiniteStream(fc.nat()), (history, chance) => {
        const rollouts = history.map(([letter, target], position) => rollout(position, letter, target));
        const shuffled = rollouts
          .map((value) => ({ value, key: chance.next().value as number }))
          .sort((left, right) => left.key - right.key)
          .map(({ value }) => value);
        expect(plan(shuffled)).toEqual(plan(rollouts));
      }),
      { seed: 7 },
    );
  });
});

describe('isSamePlan', () => {
  it('is true for the state that a plan made, and false after any change of it', () => {
    const before = plan([rollout(1, 'a', 'all')]);
    expect(isSamePlan(before, stateOf(before))).toBe(true);
    expect(isSamePlan(before, null)).toBe(false);
    expect(isSamePlan(plan([rollout(1, 'b', 'all')]), stateOf(before))).toBe(false);
    expect(isSamePlan(plan([]), stateOf(before))).toBe(false);
    for (const policies of [SILENT, TALKATIVE, SLOW])
      expect(isSamePlan(plan([rollout(1, 'a', 'all')], policies), stateOf(before))).toBe(false);
    const more = plan([rollout(1, 'a', 'all'), rollout(2, 'b', 'all', 'vibration')]);
    expect(isSamePlan(more, stateOf(before))).toBe(false);
  });
});

describe('a state from a controller that knew no policy for explanations', () => {
  const { explanations: _, ...old } = stateOf(plan([]));

  it('stays in force where nothing is to be explained, and is replaced where it may be', () => {
    expect(isSamePlan(plan([]), old)).toBe(true);
    expect(isSamePlan(plan([], TALKATIVE), old)).toBe(false);
  });
});

describe('labels beyond a bundle', () => {
  const rollouts = [rollout(1, 'a', 'all'), rollout(2, 'b', 'all', 'vibration')];
  const beyond = (version: number, ...added: string[]) =>
    new Map([[digest('a') as string, { version, added }]]);

  it('go to the line of that bundle only, and each change of the list is a change of the plan', () => {
    const lines = plan(rollouts, undefined, beyond(2, 'dim')).lines;
    expect(lines['intent' as LineId]?.labels).toEqual({ version: 2, added: ['dim'] });
    expect(lines['vibration' as LineId]).not.toHaveProperty('labels');
    const state = stateOf(plan(rollouts, undefined, beyond(2, 'dim')));
    expect(isSamePlan(plan(rollouts, undefined, beyond(2, 'dim')), state)).toBe(true);
    expect(isSamePlan(plan(rollouts, undefined, beyond(3, 'dim', 'fade')), state)).toBe(false);
    expect(isSamePlan(plan(rollouts), state)).toBe(false);
  });
});

describe('planDesired after a restore', () => {
  const running = (letter: string, releaseCounter: number) => ({ digest: digest(letter), releaseCounter });
  const after = (rollouts: readonly PlannedRollout[], lines: Record<string, ReturnType<typeof running>>) =>
    planDesired({
      ...{ group: homes, rollouts, bundles, policies: undefined, labels: new Map() },
      ahead: { restoredAt: 10, running: lines },
    }).lines;

  it('keeps what a device runs that is newer than any rollout before the restore', () => {
    const lines = after([rollout(1, 'a', 'all')], { intent: running('z', 7) });
    expect(lines).toEqual({ intent: { digest: digest('z'), releaseCounter: 7, bytes: 0 } });
  });

  it('keeps a line that no rollout knows any more', () => {
    expect(after([], { vibration: running('c', 3) })).toEqual({
      vibration: { digest: digest('c'), releaseCounter: 3, bytes: 100 },
    });
  });

  it('asks for what is newer than what a device runs', () => {
    expect(after([rollout(1, 'b', 'all')], { intent: running('a', 1) })).toMatchObject({
      intent: { digest: digest('b') },
    });
  });

  it('follows a rollout that was made since, be it an older release: the device then says why not', () => {
    expect(after([rollout(11, 'a', 'all')], { intent: running('z', 7) })).toMatchObject({
      intent: { digest: digest('a') },
    });
  });
});

describe('a rollout in waves', () => {
  const old = rollout(1, 'a', 'all');
  const staged: PlannedRollout = { ...rollout(2, 'b', 'all'), phase: 'running' };
  const given = (rollouts: readonly PlannedRollout[], { step, tries }: Omit<Membership, 'before'>) =>
    planDesired({
      group: homes,
      rollouts,
      bundles,
      policies: undefined,
      labels: new Map(),
      memberships: new Map([[staged.id, { step, tries, before: digest('c') }]]),
    });
  const as = (step: Membership['step'], tries = 1, rollouts = [old, staged]) =>
    given(rollouts, { step, tries }).lines['intent' as LineId];
  const planFor = (rollout: PlannedRollout) => given([old, rollout], { step: 'succeeded', tries: 1 });

  it('decides for those that it was given to; the others keep what an earlier one says', () => {
    expect(plan([old, staged]).lines['intent' as LineId]?.digest).toBe(digest('a'));
    expect(as('waiting')?.digest).toBe(digest('a'));
    expect([as('exposed'), as('succeeded'), as('failed')].map((line) => line?.digest)).toEqual(
      Array.from({ length: 3 }, () => digest('b')),
    );
    expect(plan([old, { ...staged, phase: 'done' }]).lines['intent' as LineId]?.digest).toBe(digest('b'));
  });

  it('has those that it was given to compared with what they had, as long as a gate watches', () => {
    const gated = { ...staged, plan: rolloutPlanSchema.parse({ waves: [{ count: 1 }], gate: {} }) };
    const comparedIn = (phase: PlannedRollout['phase'], step: Membership['step'] = 'succeeded') =>
      as(step, 1, [old, { ...gated, phase }])?.comparedWith ?? null;
    // Scheduled: the rollout was read before its first step, the device after it.
    const watching = ['scheduled', 'running', 'approval', 'paused'] as const;
    expect(watching.map((phase) => comparedIn(phase))).toEqual(watching.map(() => digest('c')));
    expect([comparedIn('done'), comparedIn('aborted'), comparedIn('running', 'back')]).toEqual([
      null,
      null,
      null,
    ]);
    expect(as('succeeded')).not.toHaveProperty('comparedWith');
    const watched = planFor(gated);
    expect(isSamePlan(planFor({ ...gated, phase: 'done' }), stateOf(watched))).toBe(false);
    expect(isSamePlan(watched, stateOf(watched))).toBe(true);
  });

  it('spreads transfers over those that are told together, else over the group', () => {
    const spreadOf = (membership: Omit<Membership, 'before'>, rollouts = [old, staged]) =>
      planDesired({
        ...{ group: homes, groupSize: 1_000, rollouts, bundles, policies: undefined, labels: new Map() },
        memberships: new Map([[staged.id, { ...membership, before: null }]]),
      }).transfer?.spreadMs;
    expect(spreadOf({ step: 'waiting', tries: 0 })).toBe(5_120);
    expect(spreadOf({ step: 'exposed', tries: 1, together: 10 })).toBeUndefined();
    expect(spreadOf({ step: 'succeeded', tries: 1, together: 200 })).toBe(1_280);
    expect(spreadOf({ step: 'exposed', tries: 1 })).toBe(5_120);
    const later = rollout(3, 'c', 'all', 'activity');
    expect(spreadOf({ step: 'succeeded', tries: 1, together: 10 }, [old, staged, later])).toBe(5_120);
  });

  it('asks once more by the number of the try', () => {
    expect(as('exposed', 1)).not.toHaveProperty('attempt');
    expect(as('exposed', 2)).toHaveProperty('attempt', 2);
  });

  it('orders back what an earlier one says once it was taken back, or else what the device had', () => {
    const rollback = { from: digest('b'), to: digest('a') };
    expect(as('back')).toMatchObject({ digest: digest('a'), releaseCounter: 1, rollback });
    expect(as('returned', 1, [staged])).toMatchObject({
      digest: digest('c'),
      rollback: { from: digest('b'), to: digest('c') },
    });
    const later = rollout(3, 'c', 'all');
    expect(as('returned', 1, [old, staged, later])).not.toHaveProperty('rollback');
  });

  it('chooses devices by all of its tags', () => {
    const tagged = {
      ...rollout(1, 'a', 'all'),
      targetKind: 'tags' as const,
      targetTags: { site: 'oslo', ring: 'a' },
    };
    const withTags = (tags: DeviceTags) =>
      planDesired({
        group: homes,
        tags,
        rollouts: [tagged],
        bundles,
        policies: undefined,
        labels: new Map(),
      });
    expect(Object.keys(withTags({ site: 'oslo', ring: 'a', floor: '2' }).lines)).toEqual(['intent']);
    expect(Object.keys(withTags({ site: 'oslo' }).lines)).toEqual([]);
  });
});
