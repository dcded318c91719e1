// A fleet in virtual time: it keeps its invariants, and a seed tells the same story twice. Then worlds that are broken on
// purpose: each must be noticed, or the campaign `pnpm soak fleet` would prove nothing.
import { MemoryPglite } from '@nanofleet/controller';
import { isCovered } from '@nanofleet/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FleetRun, type Mutation, runFleet } from './fleet.ts';
import { InvariantBroken } from './ledger.ts';
import { BUSY_PACE } from './scenario.ts';

const SLICE = { devices: 20, hours: 0.6, pace: BUSY_PACE };
const LONG_MS = 300_000;
let database: MemoryPglite;

beforeAll(async () => {
  database = await MemoryPglite.create();
}, LONG_MS);

afterAll(() => database.close());

const run = (seed: number): Promise<FleetRun> => runFleet({ ...SLICE, seed, database });

it(
  'keeps its invariants through cuts, kills, power cuts and bad releases, the same way twice',
  async () => {
    const first = await run(10);
    const second = await run(10);
    expect(second).toEqual(first);
    const { controllerKills, cuts, decisions, kills, powerCuts, pushes, strangers } = first;
    for (const happened of [controllerKills, cuts, decisions, kills, powerCuts, pushes, strangers])
      expect(happened).toBeGreaterThan(0);
  },
  LONG_MS,
);

it(
  'brings rollouts in waves to an end although the controller is killed again and again',
  async () => {
    const pace = { ...BUSY_PACE, pushMs: 240_000, controllerDeathMs: 300_000 };
    for (const seed of [31, 32]) {
      const { controllerKills, staged } = await runFleet({ devices: 8, hours: 0.6, pace, seed, database });
      expect(staged).toBeGreaterThan(1);
      expect(controllerKills).toBeGreaterThan(1);
    }
  },
  LONG_MS,
);

it(
  'goes another way from another seed',
  async () => {
    const one = { devices: 3, hours: 0.2, pace: BUSY_PACE, database };
    const [first, other] = [await runFleet({ ...one, seed: 1 }), await runFleet({ ...one, seed: 2 })];
    expect(other.digest).not.toBe(first.digest);
  },
  LONG_MS,
);

const withoutDevice = (topic: string): string => topic.split('/').toSpliced(3, 2).join('/');
const forEverybody = (filters: readonly string[], topic: string): boolean =>
  filters.some((filter) => isCovered(topic, filter) || withoutDevice(topic) === withoutDevice(filter));

let answered = 0;

const BROKEN: readonly (readonly [string, string, Mutation])[] = [
  ['a broker that gives messages to others', 'was given a message of', { rules: { isMeant: forEverybody } }],
  [
    'a broker that takes messages on any topic',
    'was taken on a topic of',
    { rules: { mayPublish: () => true } },
  ],
  [
    'a database that acknowledges without a commit',
    'and reported',
    {
      forgets: (sql) => {
        if (!sql.includes('insert into "events"')) return false;
        answered += 1;
        return answered % 5 === 0;
      },
    },
  ],
  ['a table of events without its key', 'times', { sql: 'drop index events_device_epoch_sequence_index' }],
  ['devices that trust a stranger', 'which must be refused', { trustsStranger: true }],
  ['disks that lose what they have synced', 'after it had run|runs 0 versions', { hasLyingDisks: true }],
];

/** What went wrong in the first world of this kind in which anything did; a short story may pass by chance. */
async function wrongIn(mutation: Mutation): Promise<unknown> {
  for (const seed of [5, 6, 7]) {
    const thrown: unknown = await runFleet({
      ...{ devices: 6, hours: 2, pace: BUSY_PACE },
      ...{ seed, database, mutation },
    }).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (thrown !== null) return thrown;
  }
  return null;
}

it.each(BROKEN)(
  'notices %s',
  async (_title, what, mutation) => {
    const thrown = await wrongIn(mutation);
    expect(thrown).toBeInstanceOf(InvariantBroken);
    expect(String(thrown)).toMatch(new RegExp(`seed \\d: .*(${what})`));
  },
  LONG_MS,
);
