// The stories of a controller about models: a rollout in waves with a gate until it is done, one that is taken back, a federated round
// until its candidate.
import type { ApiCall, Uuid } from '@nanofleet/protocol';
import { GROUP, ONE, TWO } from './controller-grounds.ts';
import { type ControllerHistory, rows } from './controller-history.ts';
import { LINE } from './mortal-home.ts';
import type { MortalSite } from './mortal-site.ts';

type Plan = NonNullable<ApiCall<'makeRollout'>['body']>['plan'];

/** Looks, and lets the wave go on whatever it sees: two devices say too little for a verdict. */
const GATE = { decisions: 0, deadlineS: 0, unclear: 'go-on' } as const;

/** Makes the rollout of the second release; whoever gets no answer looks whether it is there. */
const rollOut = ({ controller }: MortalSite, plan: Plan): Promise<Uuid> =>
  controller.persist(async () => {
    const { items } = await controller.once('rollouts', { query: {} });
    const known = items.find(({ digest }) => digest === TWO.digest);
    if (known !== undefined) return known.id;
    const body = { digest: TWO.digest, target: { group: GROUP }, plan };
    return (await controller.once('makeRollout', { body })).id;
  });

const phaseIs = (site: MortalSite, id: Uuid, phase: string): Promise<void> =>
  site.until(`the rollout is ${phase}`, async () => {
    const { course } = await site.controller.call('rollout', { params: { id } });
    return course?.phase === phase;
  });

const rolloutOutcome: ControllerHistory['outcome'] = async (site) => ({
  rollouts: await rows(
    site,
    `select digest, phase, course -> 'wave' as wave, course -> 'reason' ->> 'code' as reason, gate is not null as gated
      from rollouts order by position`,
  ),
  members: await rows(site, 'select device, step, tries from rollout_devices order by device'),
  devices: await rows(site, 'select device, desired_version from devices order by device'),
});

/** One device first, then the other, with a gate between. */
export const rolloutHistory: ControllerHistory = {
  name: 'controller rollout',
  ground: 'homes',
  act: async (site) => {
    const id = await rollOut(site, { waves: [{ count: 1 }, { count: 2 }], gate: GATE });
    await phaseIs(site, id, 'done');
    await site.atRest();
  },
  outcome: rolloutOutcome,
};

/** One device, and then an operator who takes it back. */
export const rollbackHistory: ControllerHistory = {
  name: 'controller rollback',
  ground: 'homes',
  act: async (site) => {
    const id = await rollOut(site, { waves: [{ count: 1, holdS: 3_600 }] });
    await site.until('a device runs it', () =>
      site.homes.some(({ line }) => line?.committed === TWO.digest && line.running?.digest === TWO.digest),
    );
    await site.controller.persist(async () => {
      const { course } = await site.controller.once('rollout', { params: { id } });
      const body = { order: 'roll-back' } as const;
      if (course?.phase === 'running') await site.controller.once('orderRollout', { params: { id }, body });
    });
    await phaseIs(site, id, 'rolled-back');
    await site.atRest();
  },
  outcome: rolloutOutcome,
};

/** Two devices, each with what it has learnt. */
export const roundHistory: ControllerHistory = {
  name: 'controller round',
  ground: 'homes',
  act: async (site) => {
    const { controller } = site;
    const settings = {
      group: GROUP,
      updatesMin: 2,
      updatesMax: 2,
      overSelection: 1,
      steps: 3,
      deadlineS: 120,
    };
    const id = await controller.persist(async () => {
      const { items } = await controller.once('rounds', { query: {} });
      const body = { line: LINE, base: ONE.digest, settings };
      return items[0]?.id ?? (await controller.once('startRound', { body })).id;
    });
    await site.until('the round has ended and its devices know', async () => {
      const [told] = await rows(site, `select 1 from rounds where id = '${id}' and told_at is not null`);
      return told !== undefined;
    });
  },
  // How many updates were refused is left out: one that a device sends again, to be sure, is refused and counted.
  outcome: async (site) => ({
    rounds: await rows(
      site,
      `select status, asked, accepted, declined, updates, rejected, examples, turn, problem_code,
        end_head is not null as head, accuracy is not null as judged from rounds`,
    ),
    members: await rows(site, 'select device, state, examples from round_devices order by device'),
    left: await rows(site, 'select count(*) from round_updates'),
    candidates: await rows(site, 'select count(*) from candidates'),
  }),
};
