/**
 * Who holds which shard, as one controller decides it. Pure. No two clocks are ever compared: a controller lives while
 * the number that it counts up in the database changes, and whoever waits for that measures the waiting with a clock of
 * its own. So a wrong or jumping wall clock, here or at the database, moves nothing.
 */
import { allShards, LEASE_MS, type Shard } from '@nanofleet/protocol';

/** A controller as the database shows it. */
export interface Peer {
  readonly id: string;
  /** Counted up by the controller itself as long as it lives. */
  readonly beat: number;
}

/** A lease as the database shows it. */
export interface Lease {
  readonly shard: Shard;
  /** Null, or a controller that is not among the peers: free. */
  readonly holder: string | null;
  /** Counted up with every change of holder; writes that carry an older one do nothing. */
  readonly epoch: number;
}

/** What the database shows at one moment. */
export interface View {
  readonly peers: readonly Peer[];
  readonly leases: readonly Lease[];
}

/** A beat with when it was first seen, by the seer's monotonic clock. */
export interface Sighting {
  readonly beat: number;
  readonly sinceMs: number;
}

/** What is seen of each peer. */
export type Sightings = ReadonlyMap<string, Sighting>;

/** What to do now, in this order. */
export interface Decision {
  readonly sightings: Sightings;
  /** Declared dead, if the beat is still the same: whoever is declared dead holds nothing any more. */
  readonly bury: readonly Peer[];
  /** To be given back, the session ended first. */
  readonly give: readonly Lease[];
  /** Free ones to be taken. */
  readonly take: readonly Lease[];
}

/** How many shards a controller has among others: as equal as can be, the first ones by name have one more. */
export const shareOf = (id: string, ids: readonly string[]): number => {
  const rank = ids.toSorted().indexOf(id);
  if (rank < 0) return 0;
  const total = allShards().length;
  return Math.floor(total / ids.length) + (rank < total % ids.length ? 1 : 0);
};

const sightingsOf = (before: Sightings, peers: readonly Peer[], nowMs: number): Sightings =>
  new Map(
    peers.map(({ beat, id }) => {
      const seen = before.get(id);
      return [id, seen?.beat === beat ? seen : { beat, sinceMs: nowMs }];
    }),
  );

/** Decides what the controller `me` does about a view at its monotonic time `nowMs`. */
export const decide = (
  me: string,
  { before, nowMs, view }: { before: Sightings; nowMs: number; view: View },
): Decision => {
  const sightings = sightingsOf(before, view.peers, nowMs);
  const isSilent = ({ id }: Peer): boolean =>
    id !== me && nowMs - (sightings.get(id)?.sinceMs ?? nowMs) >= LEASE_MS;
  const bury = view.peers.filter(isSilent);
  const living = view.peers.filter((peer) => !isSilent(peer)).map(({ id }) => id);
  const share = shareOf(me, living);
  const mine = view.leases.filter(({ holder }) => holder === me);
  const free = view.leases.filter(({ holder }) => holder === null || !living.includes(holder));
  return {
    sightings,
    bury,
    give: mine.slice(share),
    take: free.slice(0, Math.max(0, share - mine.length)),
  };
};

/**
 * Whether a controller may still act for what it holds: its last beat that the database took was begun less than a
 * lease ago. Whoever could take over saw that beat later, and waits a whole lease from then.
 */
export const isHolding = (beatenAtMs: number, nowMs: number): boolean => nowMs - beatenAtMs < LEASE_MS;
