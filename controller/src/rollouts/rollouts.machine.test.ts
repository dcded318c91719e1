import type { DeviceId, Digest, GroupId, RolloutPlan } from '@nanofleet/protocol';
import { rolloutPlanSchema } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countsOfWave, type Sighting } from './members.plan.ts';
import { isEnded, newRollout, type RolloutEvent, type RolloutState, step } from './rollouts.machine.ts';
import { quotaOf, waveCount } from './waves.plan.ts';

const NEW = 'a'.repeat(64) as Digest;
const OLD = 'b'.repeat(64) as Digest;
const SECOND = 1_000;

const planOf = (given: Record<string, unknown>): RolloutPlan =>
  rolloutPlanSchema.parse({ waves: [{ percent: 10 }], ...given });

const names = (count: number): DeviceId[] =>
  Array.from({ length: count }, (_, at) => `device-${String(at).padStart(3, '0')}` as DeviceId);

/** How a device of the twin takes the bundle. */
type Manner = 'takes' | 'refuses' | 'hangs' | 'away';

/** A fleet that does what it is told, each device in its manner. */
class Twin {
  readonly running = new Map<DeviceId, Digest>();
  readonly refused = new Map<DeviceId, Sighting['refused']>();

  constructor(readonly manners: ReadonlyMap<DeviceId, Manner>) {
    for (const device of manners.keys()) this.running.set(device, OLD);
  }

  obey(state: RolloutState, at: number): void {
    for (const { device, step: where, tries, refusedAt } of state.members.values()) {
      const manner = this.manners.get(device);
      if (manner === 'away') continue;
      if (where === 'back') this.running.set(device, OLD);
      if (where !== 'exposed') continue;
      if (manner === 'takes') this.running.set(device, NEW);
      if (manner === 'refuses' && (this.refused.get(device)?.at ?? null) === refusedAt)
        this.refused.set(device, { digest: NEW, code: 'DISK_FULL', at: at + tries });
    }
  }

  seen(given: Partial<Sighting> = {}): Sighting[] {
    return [...this.manners].map(([device, manner]) => ({
      device,
      group: 'homes' as GroupId,
      isOnline: manner !== 'away',
      timeZone: 'UTC',
      running: this.running.get(device) ?? null,
      refused: this.refused.get(device) ?? null,
      isBusy: false,
      ...given,
    }));
  }
}

const twinOf = (count: number, manner: (at: number) => Manner = () => 'takes'): Twin =>
  new Twin(new Map(names(count).map((device, at) => [device, manner(at)])));

const look = (state: RolloutState, twin: Twin, at: number): RolloutState =>
  step(state, { kind: 'looked', at, devices: twin.seen(), gate: null });

/** Looks each second until it ends, or for so many seconds; the states in between. */
const play = (begin: RolloutState, twin: Twin, seconds: number, from = 0): RolloutState[] => {
  const states = [begin];
  for (let at = from; at < from + seconds && !isEnded(states.at(-1) ?? begin); at += 1) {
    const next = look(states.at(-1) ?? begin, twin, at * SECOND);
    twin.obey(next, at * SECOND);
    states.push(next);
  }
  return states;
};

const given = (state: RolloutState): number =>
  [...state.members.values()].filter(({ step: where }) => where !== 'waiting').length;

describe('a rollout in waves', () => {
  it('goes from wave to wave until all run it', () => {
    const plan = planOf({ waves: [{ count: 2 }, { percent: 50 }] });
    const states = play(newRollout(NEW, plan, 0), twinOf(20), 60);
    expect([...new Set(states.map(given))]).toEqual([0, 2, 10, 20]);
    expect(states.at(-1)).toMatchObject({ phase: 'done', wave: 2 });
  });

  it('waits for approval, before the first wave and before one that wants it', () => {
    const plan = planOf({ approval: true, waves: [{ count: 1 }, { percent: 100, approval: true }] });
    const twin = twinOf(4);
    const asked = play(newRollout(NEW, plan, 0), twin, 10).at(-1) as RolloutState;
    expect([asked.phase, given(asked)]).toEqual(['approval', 0]);
    const first = play(step(asked, { kind: 'approve', at: 10 * SECOND }), twin, 10, 10).at(
      -1,
    ) as RolloutState;
    expect([first.phase, first.wave, given(first)]).toEqual(['approval', 1, 1]);
    const last = play(step(first, { kind: 'approve', at: 20 * SECOND }), twin, 10, 20).at(-1);
    expect(last?.phase).toBe('done');
  });

  it('takes the bundle back from all that were given it when too many refuse', () => {
    const plan = planOf({ waves: [{ count: 10 }], errors: { percent: 20, minimum: 5 }, retries: 0 });
    const twin = twinOf(100, (at) => (at % 3 === 0 ? 'refuses' : 'takes'));
    const end = play(newRollout(NEW, plan, 0), twin, 60).at(-1);
    expect(end).toMatchObject({ phase: 'rolled-back', wave: 0, reason: { code: 'ROLLOUT_ERRORS' } });
    expect([...twin.running.values()].every((digest) => digest === OLD)).toBe(true);
  });

  it('is stopped by its gate, and gives the bundle to nobody more', () => {
    const twin = twinOf(20);
    const wave = play(
      newRollout(NEW, planOf({ waves: [{ count: 3, holdS: 1_000 }], gate: {} }), 0),
      twin,
      3,
    ).at(-1) as RolloutState;
    const gate = { verdict: 'stopped', message: 'worse' } as const;
    const stopped = step(wave, { kind: 'looked', at: 4 * SECOND, devices: twin.seen(), gate });
    expect(stopped).toMatchObject({ phase: 'rolling-back', reason: { code: 'ROLLOUT_GATE_STOPPED' } });
    twin.obey(stopped, 4 * SECOND);
    const end = play(stopped, twin, 5, 5).at(-1);
    expect([end?.phase, given(end as RolloutState)]).toEqual(['rolled-back', 3]);
  });

  it('waits for a person where the gate cannot tell, who may let it go on', () => {
    const twin = twinOf(4);
    const unclear = { verdict: 'unclear', message: 'too few' } as const;
    const see = (state: RolloutState, at: number) => {
      const next = step(state, { kind: 'looked', at: at * SECOND, devices: twin.seen(), gate: unclear });
      twin.obey(next, at * SECOND);
      return next;
    };
    const paused = [1, 2, 3].reduce(see, newRollout(NEW, planOf({ waves: [{ count: 1 }], gate: {} }), 0));
    expect(paused).toMatchObject({ phase: 'paused', reason: { code: 'ROLLOUT_GATE_UNCLEAR' } });
    const resumed = [5, 6].reduce(see, step(paused, { kind: 'resume', at: 4 * SECOND }));
    expect(resumed.wave).toBe(1);
  });

  it('stops a wave whose devices have all decided without enough success, below the bound of errors', () => {
    const plan = planOf({ waves: [{ count: 4 }], errors: { percent: 100 }, retries: 0 });
    const end = play(
      newRollout(NEW, plan, 0),
      twinOf(8, (at) => (at < 2 ? 'refuses' : 'takes')),
      20,
    ).at(-1);
    expect(end).toMatchObject({ phase: 'rolled-back', reason: { code: 'ROLLOUT_SUCCESS_MISSED' } });
  });

  it('counts a device that is reachable and silent as failed after its time, with its tries', () => {
    const plan = planOf({ waves: [{ count: 1 }], deviceS: 10, retries: 1, errors: { count: 1 } });
    const states = play(
      newRollout(NEW, plan, 0),
      twinOf(3, (at) => (at === 0 ? 'hangs' : 'takes')),
      60,
    );
    const tries = states.map(({ members }) => members.get('device-000' as DeviceId)?.tries ?? 0);
    expect(Math.max(...tries)).toBe(2);
    expect(states.at(-1)).toMatchObject({ phase: 'rolled-back', reason: { code: 'ROLLOUT_ERRORS' } });
  });

  it('keeps to its rate, which grows with what succeeds', () => {
    const plan = planOf({
      waves: [{ percent: 100 }],
      rate: { perMinute: 60, growth: { factor: 2, succeeded: 10, perMinuteMax: 240 } },
    });
    const states = play(newRollout(NEW, plan, 0), twinOf(200), 120);
    const perSecond = states.slice(1).map((state, at) => given(state) - given(states[at] ?? state));
    expect(perSecond.slice(1, 10).every((count) => count <= 1)).toBe(true);
    expect(Math.max(...perSecond)).toBe(4);
    expect(states.at(-1)?.phase).toBe('done');
  });

  it('takes in devices that come later, and lets those go that are not meant any more', () => {
    const few = twinOf(10);
    const plan = planOf({ waves: [{ count: 2, holdS: 30 }] });
    const held = play(newRollout(NEW, plan, 0), few, 10).at(-1) as RolloutState;
    const many = twinOf(14);
    for (const [device, digest] of few.running) many.running.set(device, digest);
    const grown = look(held, many, 11 * SECOND);
    expect([grown.members.size, look(grown, few, 12 * SECOND).members.size]).toEqual([14, 10]);
  });

  it('goes on without devices that are away, and is done without them', () => {
    const twin = twinOf(20, (at) => (at % 2 === 0 ? 'away' : 'takes'));
    const end = play(newRollout(NEW, planOf({ waves: [{ percent: 10 }, { percent: 50 }] }), 0), twin, 60).at(
      -1,
    );
    expect(end?.phase).toBe('done');
    expect(countsOfWave(end?.members.values() ?? [], null)).toMatchObject({ given: 10, succeeded: 10 });
  });

  it('can be rolled back after it was done', () => {
    const twin = twinOf(6);
    const done = play(newRollout(NEW, planOf({}), 0), twin, 20).at(-1) as RolloutState;
    const back = play(step(done, { kind: 'roll-back', at: 21 * SECOND }), twin, 5, 22).at(-1);
    expect([done.phase, back?.phase]).toEqual(['done', 'rolled-back']);
  });
});

const manners = fc.constantFrom<Manner>('takes', 'takes', 'takes', 'refuses', 'hangs', 'away');
const plans = fc
  .record({
    waves: fc.array(
      fc.oneof(
        fc.record({ percent: fc.integer({ min: 1, max: 100 }), holdS: fc.integer({ min: 0, max: 5 }) }),
        fc.record({ count: fc.integer({ min: 1, max: 20 }) }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
    perMinute: fc.option(fc.integer({ min: 30, max: 600 })),
    perGroup: fc.option(fc.integer({ min: 1, max: 5 })),
    errors: fc.record({ percent: fc.integer({ min: 0, max: 100 }), minimum: fc.integer({ min: 1, max: 6 }) }),
    success: fc.record({ percent: fc.integer({ min: 0, max: 100 }) }),
    retries: fc.integer({ min: 0, max: 3 }),
    onStop: fc.constantFrom('roll-back' as const, 'pause' as const),
  })
  .map(({ perGroup, perMinute, ...plan }) =>
    planOf({
      ...plan,
      deviceS: 10,
      totalS: 300,
      ...(perMinute === null ? {} : { rate: { perMinute } }),
      ...(perGroup === null ? {} : { disruption: { perGroup } }),
    }),
  );
const orders = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 200 }),
    kind: fc.constantFrom('approve', 'pause', 'resume', 'abort', 'roll-back'),
  }),
  { maxLength: 4 },
);
const stories = fc.record({
  plan: plans,
  manners: fc.array(manners, { minLength: 1, maxLength: 30 }),
  orders,
  comings: fc.array(fc.record({ at: fc.integer({ min: 0, max: 100 }), device: fc.nat(29) }), {
    maxLength: 6,
  }),
});
type Story = typeof stories extends fc.Arbitrary<infer T> ? T : never;

/** One step of a story. */
interface Told {
  readonly before: RolloutState;
  readonly event: RolloutEvent;
  readonly state: RolloutState;
}

/** Plays a story to its end; each state with the event that made it. */
const told = (story: Story): Told[] => {
  const moods = new Map(
    names(story.manners.length).map((device, at) => [device, story.manners[at] ?? 'takes']),
  );
  const twin = new Twin(moods);
  const steps: Told[] = [];
  let state = newRollout(NEW, story.plan, 0);
  const apply = (event: RolloutEvent): void => {
    const before = state;
    state = step(state, event);
    steps.push({ state, event, before });
  };
  for (let second = 0; second < 400; second += 1) {
    const at = second * SECOND;
    for (const { device } of story.comings.filter((coming) => coming.at === second)) {
      const name = names(story.manners.length)[device];
      if (name !== undefined) moods.set(name, moods.get(name) === 'away' ? 'takes' : 'away');
    }
    for (const order of story.orders.filter((each) => each.at === second)) apply({ kind: order.kind, at });
    apply({ kind: 'looked', at, devices: twin.seen(), gate: null });
    twin.obey(state, at);
  }
  return steps;
};

const PROPERTY = { seed: 20_261_127, numRuns: 60 };

/** Holds at each step of any story. */
const always = (holds: (step: Told, story: Story) => boolean): void => {
  fc.assert(
    fc.property(stories, (story) => told(story).every((each) => holds(each, story))),
    PROPERTY,
  );
};

const atWork = ({ members }: RolloutState): number =>
  [...members.values()].filter(({ step: where }) => where === 'exposed').length;

describe('any rollout in waves', () => {
  it('never has more devices than its waves so far allow', () => {
    expect(() =>
      always(({ before, state }) => {
        const quota = quotaOf(state.plan, { wave: state.wave, total: state.members.size });
        return given(state) === given(before) || given(state) <= quota;
      }),
    ).not.toThrow();
  });

  it('gives the bundle to nobody while it does not run, or who is away', () => {
    expect(() =>
      always(({ before, event, state }) => {
        const fresh = [...state.members.values()].filter(
          ({ device, step: where }) =>
            where === 'exposed' && (before.members.get(device)?.step ?? 'waiting') === 'waiting',
        );
        if (fresh.length === 0) return true;
        const online = new Set(
          event.kind === 'looked'
            ? event.devices.filter(({ isOnline }) => isOnline).map(({ device }) => device)
            : [],
        );
        return (
          ['scheduled', 'running'].includes(before.phase) && fresh.every(({ device }) => online.has(device))
        );
      }),
    ).not.toThrow();
  });

  it('ends once it has begun', () => {
    const ends = fc.property(stories, (story) => {
      const end = told(story).at(-1)?.state;
      return end === undefined || end.startedAt === null || isEnded(end);
    });
    expect(() => fc.assert(ends, PROPERTY)).not.toThrow();
  });

  it('goes forward through its waves, and keeps the disruption of a group', () => {
    expect(() =>
      always(({ before, state }) => {
        const bound = Math.max(state.plan.disruption?.perGroup ?? Number.POSITIVE_INFINITY, atWork(before));
        return (
          state.wave >= before.wave &&
          state.wave < waveCount(state.plan) &&
          (before.phase === 'paused' || atWork(state) <= bound)
        );
      }),
    ).not.toThrow();
  });

  it('leaves devices that are away all the time out of every count', () => {
    expect(() =>
      always(({ state }, story) => {
        const coming = new Set(story.comings.map(({ device }) => device));
        return names(story.manners.length).every(
          (device, at) =>
            story.manners[at] !== 'away' ||
            coming.has(at) ||
            (state.members.get(device)?.step ?? 'waiting') === 'waiting',
        );
      }),
    ).not.toThrow();
  });

  it('comes to the same state from the same events', () => {
    fc.assert(
      fc.property(stories, (story) => {
        const steps = told(story);
        const again = steps.reduce((state, { event }) => step(state, event), newRollout(NEW, story.plan, 0));
        expect(again).toEqual(steps.at(-1)?.state);
      }),
      { ...PROPERTY, numRuns: 20 },
    );
  });
});
