import { allShards, LEASE_MS, type Shard } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decide,
  isHolding,
  type Lease,
  type Peer,
  type Sightings,
  shareOf,
  type View,
} from './shards.machine.ts';

const leases = (holderOf: (index: number) => string | null): Lease[] =>
  allShards().map((shard, index) => ({ shard, holder: holderOf(index), epoch: 1 }));
const peer = (id: string, beat = 1): Peer => ({ id, beat });
const look = (me: string, view: View, given: { before?: Sightings; nowMs?: number } = {}) =>
  decide(me, { before: given.before ?? new Map(), nowMs: given.nowMs ?? 0, view });

describe('the share of a controller', () => {
  it('adds up to all shards, and differs by one at most', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }), (ids) => {
        const shares = ids.map((id) => shareOf(id, ids));
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(16);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
      { seed: 3 },
    );
  });
});

describe('a controller', () => {
  it('that is alone takes everything', () => {
    const { bury, give, take } = look('a', { peers: [peer('a')], leases: leases(() => null) });
    expect([bury, give, take.length]).toEqual([[], [], 16]);
  });

  it('gives back what is beyond its share when another one joins, which takes it', () => {
    const peers = [peer('a'), peer('b')];
    const { give } = look('a', { peers, leases: leases(() => 'a') });
    expect(give.length).toBe(8);
    const { take } = look('b', { peers, leases: leases((index) => (index < 8 ? 'a' : null)) });
    expect(take.map(({ shard }) => shard)).toEqual(give.map(({ shard }) => shard));
  });

  it('takes nothing of a living one, however long it looks, and all of a silent one after a lease', () => {
    const view = (beat: number) => ({ peers: [peer('a'), peer('b', beat)], leases: leases(() => 'b') });
    let before: Sightings = new Map();
    for (let turn = 0; turn < 20; turn += 1) {
      const seen = look('a', view(turn), { before, nowMs: turn * 1_000 });
      expect([seen.bury, seen.take]).toEqual([[], []]);
      before = seen.sightings;
    }
    const early = look('a', view(19), { before, nowMs: 19_000 + LEASE_MS - 1 });
    expect(early.bury).toEqual([]);
    const late = look('a', view(19), { before: early.sightings, nowMs: 19_000 + LEASE_MS });
    expect([late.bury, late.take.length]).toEqual([[peer('b', 19)], 16]);
  });

  it('does not judge another one that it sees for the first time', () => {
    const seen = look('a', { peers: [peer('a'), peer('b', 7)], leases: leases(() => 'b') }, { nowMs: 1e9 });
    expect(seen.bury).toEqual([]);
  });
});

/** One controller of the simulation with a clock of its own, and what the shared database says. */
interface Actor {
  readonly id: string;
  readonly offsetMs: number;
  before: Sightings;
  beatenAtMs: number;
  held: Map<string, number>;
}

interface Entry {
  holder: string | null;
  epoch: number;
}

class World {
  /** Beats of the living. */
  readonly peers = new Map<string, number>();
  /** Beats are never the same twice, also of one that was declared dead and comes back. */
  readonly beats = new Map<string, number>();
  readonly leases = new Map<Shard, Entry>(allShards().map((shard) => [shard, { holder: null, epoch: 0 }]));

  view(): View {
    return {
      peers: [...this.peers].map(([id, beat]) => ({ id, beat })),
      leases: [...this.leases].map(([shard, lease]) => ({ shard, ...lease })),
    };
  }
}

/** Declared dead, or new: what still has its name becomes its own under another epoch. */
const rejoin = (world: World, actor: Actor): void => {
  actor.held.clear();
  for (const [shard, lease] of world.leases) {
    if (lease.holder !== actor.id) continue;
    lease.epoch += 1;
    actor.held.set(shard, lease.epoch);
  }
};

const act = (world: World, actor: Actor, nowMs: number): void => {
  const mine = nowMs + actor.offsetMs;
  if (!world.peers.has(actor.id)) rejoin(world, actor);
  const beat = (world.beats.get(actor.id) ?? 0) + 1;
  world.beats.set(actor.id, beat);
  world.peers.set(actor.id, beat);
  actor.beatenAtMs = mine;
  const decision = decide(actor.id, { before: actor.before, nowMs: mine, view: world.view() });
  actor.before = decision.sightings;
  for (const { beat: seen, id } of decision.bury) if (world.peers.get(id) === seen) world.peers.delete(id);
  for (const { shard } of decision.give) {
    actor.held.delete(shard);
    const lease = world.leases.get(shard);
    if (lease?.holder === actor.id) lease.holder = null;
  }
  for (const { epoch, shard } of decision.take) {
    const lease = world.leases.get(shard);
    const isFree = lease !== undefined && (lease.holder === null || !world.peers.has(lease.holder));
    if (!isFree || lease.epoch !== epoch) continue;
    lease.holder = actor.id;
    lease.epoch += 1;
    actor.held.set(shard, lease.epoch);
  }
};

/** Shards for which an actor would act now, by what it knows itself. */
const actsFor = (actor: Actor, nowMs: number): string[] =>
  isHolding(actor.beatenAtMs, nowMs + actor.offsetMs) ? [...actor.held.keys()] : [];

describe('controllers with clocks that have nothing in common, each hanging at times', () => {
  it('never act for one shard at once, and share all shards once they are calm', () => {
    const pauses = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 12 })), { maxLength: 40 });
    fc.assert(
      fc.property(pauses, fc.tuple(fc.nat(1e9), fc.nat(1e9), fc.nat(1e9)), (hangs, offsets) => {
        const world = new World();
        const actors: Actor[] = offsets.map((offsetMs, index) => ({
          id: `c${index}`,
          offsetMs,
          before: new Map(),
          beatenAtMs: Number.NEGATIVE_INFINITY,
          held: new Map(),
        }));
        const hungUntilMs = [0, 0, 0];
        const second = (nowMs: number): void => {
          for (const [index, actor] of actors.entries()) {
            if (nowMs >= (hungUntilMs[index] ?? 0)) act(world, actor, nowMs);
            const busy = actors.flatMap((other) => actsFor(other, nowMs));
            expect(new Set(busy).size).toBe(busy.length);
          }
        };
        let nowMs = 0;
        for (const [index, seconds] of hangs) {
          nowMs += 1_000;
          hungUntilMs[index] = nowMs + seconds * 1_000;
          second(nowMs);
        }
        for (let turn = 0; turn < 30; turn += 1) second((nowMs += 1_000));
        expect(actors.flatMap((actor) => actsFor(actor, nowMs)).toSorted()).toEqual(allShards());
        expect(actors.map((actor) => actor.held.size).toSorted((one, other) => one - other)).toEqual([
          5, 5, 6,
        ]);
      }),
      { seed: 11, numRuns: 200 },
    );
  });
});
