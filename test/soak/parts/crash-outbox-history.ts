// The story of an outbox over several segments: what it has taken is there until it is acknowledged, and no number comes twice.
import { Outbox } from '@nanofleet/agent';
import { ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import type { CrashDisk } from './crash-disk.ts';
import type { History } from './crash-story.ts';

const DIRECTORY = '/state/outbox';
/** A segment holds some eighty of them. */
const PAYLOAD = 'x'.repeat(12_000);
const RECORDS = 220;
const FLUSH_EVERY = 20;
const ACKNOWLEDGED = 120;
/** Longer than any delay of a sync. */
const SYNC_MS = 100;

interface Told {
  /** Records that the outbox has taken, and of these the ones that it has called durable. */
  readonly taken: Set<number>;
  readonly durable: Set<number>;
  /** Records that were acknowledged. */
  acknowledged: number;
  /** Records that were given up for want of room, counted and reported. */
  dropped: number;
  /** Highest number seen. */
  highest: number;
  epoch: string | null;
}

const numberOf = (payload: string): number => Number(payload.slice(0, payload.indexOf(' ')));

const openOn = (disk: CrashDisk | MemoryDisk, clock: ManualClock): Outbox =>
  new Outbox({ directory: DIRECTORY, disk, clock, random: makeSeededRandom(7) });

const flush = async (outbox: Outbox, clock: ManualClock): Promise<boolean> => {
  const done = outbox.flushed().then(
    () => true,
    () => false,
  );
  clock.advance(SYNC_MS);
  return done;
};

const fill = async (outbox: Outbox, clock: ManualClock, told: Told): Promise<void> => {
  for (let at = 0; at < RECORDS; at += 1) {
    if (outbox.append('decision', `${at} ${PAYLOAD}`)) told.taken.add(at);
    if (at % FLUSH_EVERY === FLUSH_EVERY - 1 && (await flush(outbox, clock)))
      for (const taken of told.taken) told.durable.add(taken);
    if (at === ACKNOWLEDGED) acknowledge(outbox, told);
    told.dropped = outbox.figures().decision.dropped;
  }
};

const acknowledge = (outbox: Outbox, told: Told): void => {
  const sent = outbox.take(ACKNOWLEDGED);
  const sequences = sent.map(({ sequence }) => sequence);
  told.highest = Math.max(told.highest, ...sequences);
  for (const { payload } of sent) told.acknowledged = Math.max(told.acknowledged, numberOf(payload) + 1);
  outbox.acknowledge({ epoch: outbox.epoch, ranges: sequences.map((sequence) => [sequence, sequence]) });
};

/** Filling two segments and a half, of which the first is acknowledged. */
export const outboxHistory: History = {
  name: 'outbox rotation',
  prepare: () => Promise.resolve(new MemoryDisk()),
  play: async (disk) => {
    const clock = new ManualClock();
    const told: Told = {
      taken: new Set(),
      durable: new Set(),
      acknowledged: 0,
      dropped: 0,
      highest: -1,
      epoch: null,
    };
    try {
      const outbox = openOn(disk, clock);
      told.epoch = outbox.epoch;
      await fill(outbox, clock, told);
    } catch {
      // The process has ended; or there was no room even for an outbox, which is tried again by the next start.
    }
    const isPowerCut = disk.isUnsynced;
    return (found) => Promise.resolve(judge(found, { told, isPowerCut }));
  },
};

const judge = (found: MemoryDisk, { told, isPowerCut }: { told: Told; isPowerCut: boolean }): string[] => {
  const outbox = openOn(found, new ManualClock());
  const here = [...outbox.recordsOf('decision')];
  const numbers = new Set(here.map(({ payload }) => numberOf(payload)));
  const owed = [...(isPowerCut ? told.durable : told.taken)].filter((at) => at >= told.acknowledged);
  const lost = owed.filter((at) => !numbers.has(at));
  const faults = lost.length <= told.dropped ? [] : [`${lost.length} records are lost, ${lost[0]} first`];
  const sequences = here.map(({ sequence }) => sequence);
  if (new Set(sequences).size !== sequences.length) faults.push('two records have one number');
  if (!outbox.append('decision', 'one more')) faults.push('nothing can be added');
  const next = [...outbox.recordsOf('decision')].at(-1)?.sequence ?? -1;
  const highest = Math.max(told.highest, ...sequences);
  if (outbox.epoch === told.epoch && next <= highest) faults.push(`number ${next} comes after ${highest}`);
  return faults;
};
