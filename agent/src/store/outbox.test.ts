import type { RecordClass } from '@nanofleet/protocol';
import { ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxRecord } from './outbox.ts';

const DIRECTORY = '/state/outbox';
const SEGMENT_RECORDS = 200;
const CLASSES = ['offload', 'event', 'decision'] as const;

const open = (disk: MemoryDisk, clock = new ManualClock(), seed = 1): Outbox =>
  new Outbox({ directory: DIRECTORY, disk, clock, random: makeSeededRandom(seed) });

const payloads = (records: readonly OutboxRecord[]): string[] => records.map(({ payload }) => payload);
const drain = (outbox: Outbox): OutboxRecord[] => {
  const all: OutboxRecord[] = [];
  for (let taken = outbox.take(1_000); taken.length > 0; taken = outbox.take(1_000)) {
    all.push(...taken);
    outbox.acknowledge({ epoch: outbox.epoch, ranges: taken.map(({ sequence }) => [sequence, sequence]) });
  }
  return all;
};
const ackAll = (outbox: Outbox, records: readonly OutboxRecord[]): number =>
  outbox.acknowledge({ epoch: outbox.epoch, ranges: records.map(({ sequence }) => [sequence, sequence]) });

describe('an outbox', () => {
  it('gives records by class, highest first, and within a class in their order', () => {
    const outbox = open(new MemoryDisk());
    for (const [name, payload] of [
      ['decision', 'd1'],
      ['event', 'e1'],
      ['offload', 'o1'],
      ['decision', 'd2'],
    ] as const)
      outbox.append(name, payload);
    expect(payloads(outbox.take(10))).toEqual(['o1', 'e1', 'd1', 'd2']);
    expect(outbox.take(10)).toEqual([]);
  });

  it('keeps a record until it is acknowledged, over a kill', () => {
    const disk = new MemoryDisk();
    const first = open(disk);
    first.append('event', 'one');
    first.append('event', 'two');
    const [one] = first.take(10);
    expect(ackAll(first, one === undefined ? [] : [one])).toBe(1);
    const second = open(disk.afterKill());
    expect(payloads(second.take(10))).toEqual(['two']);
  });

  it('sends again what was not acknowledged when the session ends, under the same numbers', () => {
    const outbox = open(new MemoryDisk());
    outbox.append('event', 'one');
    const before = outbox.take(10);
    outbox.rewind();
    expect(outbox.take(10)).toEqual(before);
  });

  it('ignores acknowledgements of another epoch', () => {
    const outbox = open(new MemoryDisk());
    outbox.append('event', 'one');
    const [one] = outbox.take(1);
    expect(one?.payload).toBe('one');
    const other = open(new MemoryDisk(), new ManualClock(), 2).epoch;
    expect(outbox.acknowledge({ epoch: other, ranges: [[0, 1_000_000]] })).toBe(0);
    expect(outbox.waiting).toBe(1);
  });

  it('holds back lower classes at its window, so that an offload still goes through', () => {
    const outbox = open(new MemoryDisk());
    for (let index = 0; index < 600; index += 1) outbox.append('decision', `d${index}`);
    expect(outbox.take(1_000)).toHaveLength(384);
    expect(outbox.take(1_000)).toHaveLength(0);
    outbox.append('offload', 'urgent');
    expect(payloads(outbox.take(1_000))).toEqual(['urgent']);
  });

  it('forgets a record at its deadline, counts it, and reports it as a record of its own', () => {
    const clock = new ManualClock();
    const outbox = open(new MemoryDisk(), clock);
    outbox.append('offload', 'late', { expiresAtMs: clock.unixMs() + 1_000 });
    clock.advance(1_000);
    expect(outbox.take(10)).toEqual([]);
    expect(outbox.figures().offload).toEqual({ records: 0, dropped: 0, expired: 1 });
    outbox.reportDrops(({ class: of, reason, dropped }) => `${of} ${reason} ${dropped}`);
    expect(payloads(outbox.take(10))).toEqual(['offload expired 1']);
  });

  it('drops the oldest segment of a class at its bound, and counts every record of it', () => {
    const outbox = open(new MemoryDisk());
    const payload = 'x'.repeat(15_000);
    for (let index = 0; index < 600; index += 1) outbox.append('decision', payload);
    outbox.append('event', 'kept');
    const { records, dropped } = outbox.figures().decision;
    expect(records + dropped).toBe(600);
    expect(dropped).toBeGreaterThan(0);
    expect(outbox.figures().event).toEqual({ records: 1, dropped: 0, expired: 0 });
  });

  it('starts a new epoch when its directory was wiped', () => {
    expect(open(new MemoryDisk(), new ManualClock(), 1).epoch).not.toBe(
      open(new MemoryDisk(), new ManualClock(), 2).epoch,
    );
  });

  it('refuses a record over its bound', () => {
    const outbox = open(new MemoryDisk());
    expect(() => outbox.append('event', 'é'.repeat(9_000))).toThrow(
      expect.objectContaining({ code: 'RECORD_TOO_LARGE' }),
    );
  });

  it('cuts a segment at the first frame that is damaged, and says so', () => {
    const disk = new MemoryDisk();
    const first = open(disk);
    for (const payload of ['one', 'two', 'three']) first.append('event', payload);
    const name = `${DIRECTORY}/${disk.list(DIRECTORY).find((entry) => entry.startsWith('event')) ?? ''}`;
    const bytes = Buffer.from(disk.read(name) ?? []);
    disk.open(name).write(Buffer.from('T'), bytes.indexOf('two'));
    const second = open(disk.afterKill());
    expect(payloads(second.take(10))).toEqual(['one']);
    expect(second.figures().event.dropped).toBe(1);
    second.append('event', 'four');
    expect(payloads(open(disk.afterKill()).take(10))).toEqual(['one']);
  });

  it('goes on under new numbers when its ledger is lost', () => {
    const disk = new MemoryDisk();
    const first = open(disk);
    first.append('event', 'one');
    const [one] = first.take(1);
    disk.unlink(`${DIRECTORY}/ledger`);
    const second = open(disk.afterKill());
    second.append('event', 'two');
    const [again, two] = second.take(2);
    expect(again).toEqual(one);
    expect(second.epoch).toBe(first.epoch);
    expect(two?.sequence).toBeGreaterThan((one?.sequence ?? 0) + 1_000_000);
  });
});

describe('a full disk', () => {
  const filled = (): { disk: MemoryDisk; outbox: Outbox } => {
    const disk = new MemoryDisk();
    const outbox = open(disk);
    disk.bytesMax = 3.1 * 1024 * 1024;
    return { disk, outbox };
  };
  const fill = (outbox: Outbox, name: RecordClass): boolean[] =>
    Array.from({ length: SEGMENT_RECORDS }, () => outbox.append(name, 'x'.repeat(15_000)));

  it('takes the room of the lowest class for a higher one, and loses nothing uncounted', () => {
    const { outbox } = filled();
    fill(outbox, 'decision');
    expect(fill(outbox, 'offload').every(Boolean)).toBe(true);
    const { decision, offload } = outbox.figures();
    expect(decision.records + decision.dropped).toBe(SEGMENT_RECORDS);
    expect(decision.dropped).toBeGreaterThan(0);
    expect(offload).toEqual({ records: SEGMENT_RECORDS, dropped: 0, expired: 0 });
  });

  it('keeps the newest records of the lowest class', () => {
    const { outbox } = filled();
    fill(outbox, 'decision');
    expect(outbox.append('decision', 'newest')).toBe(true);
    expect(payloads(drain(outbox)).at(-1)).toBe('newest');
  });

  it('never makes an append throw, also when there is no room for the first segment', () => {
    const disk = new MemoryDisk();
    disk.bytesMax = 10_000;
    const clock = new ManualClock();
    const outbox = open(disk, clock);
    expect(outbox.append('event', 'lost')).toBe(false);
    expect(outbox.isLosing).toBe(true);
    expect(outbox.figures().event).toEqual({ records: 0, dropped: 1, expired: 0 });
    disk.bytesMax = Number.POSITIVE_INFINITY;
    clock.advance(1_000);
    expect(outbox.append('event', 'kept')).toBe(true);
    outbox.reportDrops(({ reason, dropped }) => `${reason} ${dropped}`);
    expect(payloads(drain(outbox))).toEqual(['kept', 'disk-full 1']);
  });

  it('that comes after the start leaves the room that was taken at the start', () => {
    const disk = new MemoryDisk();
    const outbox = open(disk);
    disk.bytesMax = 0;
    expect(CLASSES.map((name) => outbox.append(name, 'kept'))).toEqual([true, true, true]);
    expect(outbox.isLosing).toBe(false);
  });

  it('leaves segments that can be read after a kill', () => {
    const { disk, outbox } = filled();
    fill(outbox, 'decision');
    fill(outbox, 'event');
    const { records } = outbox.figures().event;
    expect(open(disk.afterKill()).figures().event.records).toBe(records);
  });
});

describe('durability', () => {
  it('is promised only once a sync has worked', async () => {
    const disk = new MemoryDisk();
    const outbox = open(disk);
    outbox.append('event', 'one');
    disk.isSyncBroken = true;
    await expect(outbox.flushed()).rejects.toThrow('cannot sync');
    await expect(outbox.flushed()).rejects.toThrow('cannot sync');
    disk.isSyncBroken = false;
    await outbox.flushed();
    expect(payloads(drain(open(disk.afterPowerCut(makeSeededRandom(3)))))).toEqual(['one']);
  });

  it('comes by itself within the promised delay', async () => {
    const disk = new MemoryDisk();
    const clock = new ManualClock();
    const outbox = open(disk, clock);
    outbox.append('event', 'one');
    clock.advance(20);
    await Promise.resolve();
    await Promise.resolve();
    expect(payloads(drain(open(disk.afterPowerCut(makeSeededRandom(3)))))).toEqual(['one']);
  });
});

type Step =
  | { readonly kind: 'append'; readonly recordClass: (typeof CLASSES)[number] }
  | { readonly kind: 'send'; readonly count: number }
  | { readonly kind: 'lose' | 'ack' | 'sync' | 'rewind' | 'kill' | 'cut' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(...CLASSES).map((recordClass) => ({ kind: 'append' as const, recordClass })),
  },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }).map((count) => ({ kind: 'send' as const, count })) },
  { weight: 5, arbitrary: fc.constantFrom('ack', 'sync').map((kind) => ({ kind })) },
  { weight: 3, arbitrary: fc.constantFrom('lose', 'rewind', 'kill', 'cut').map((kind) => ({ kind })) },
);

/** A controller that commits what it is sent, once per identity. */
class Controller {
  readonly committed = new Map<string, string>();
  unacknowledged: OutboxRecord[] = [];

  take(epoch: string, records: readonly OutboxRecord[]): void {
    for (const record of records) {
      const identity = `${epoch} ${record.sequence}`;
      expect(this.committed.get(identity) ?? record.payload).toBe(record.payload);
      this.committed.set(identity, record.payload);
      this.unacknowledged.push(record);
    }
  }
}

describe('whatever happens', () => {
  it('every record that must survive is committed exactly once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const random = makeSeededRandom(seed);
        let disk = new MemoryDisk();
        let outbox = open(disk, new ManualClock(), seed);
        const controller = new Controller();
        const accepted = new Set<string>();
        const durable = new Set<string>();
        let next = 0;
        const restart = (found: MemoryDisk): void => {
          disk = found;
          outbox = open(disk, new ManualClock(), seed + next);
          controller.unacknowledged = [];
        };
        for (const { kind, ...given } of steps) {
          if (kind === 'append' && 'recordClass' in given) {
            outbox.append(given.recordClass, `r${next}`);
            accepted.add(`r${next}`);
            next += 1;
          } else if (kind === 'send' && 'count' in given)
            controller.take(outbox.epoch, outbox.take(given.count));
          else if (kind === 'lose') outbox.take(3);
          else if (kind === 'ack') ackAll(outbox, controller.unacknowledged.splice(0, 4));
          else if (kind === 'rewind') outbox.rewind();
          else if (kind === 'kill') restart(disk.afterKill());
          else if (kind === 'sync') {
            await outbox.flushed();
            for (const payload of accepted) durable.add(payload);
          } else if (kind === 'cut') {
            restart(disk.afterPowerCut(random));
            // What was not synced may be lost with the power, unless it had been sent before.
            for (const payload of accepted) if (!durable.has(payload)) accepted.delete(payload);
          }
        }
        outbox.rewind();
        for (let taken = outbox.take(100); taken.length > 0; taken = outbox.take(100)) {
          controller.take(outbox.epoch, taken);
          ackAll(outbox, taken);
        }
        const counts = new Map<string, number>();
        for (const payload of controller.committed.values())
          counts.set(payload, (counts.get(payload) ?? 0) + 1);
        for (const payload of accepted) expect([payload, counts.get(payload)]).toEqual([payload, 1]);
        expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(1);
        expect(outbox.waiting).toBe(0);
      }),
      { seed: 20_261_123, numRuns: 250 },
    );
  });
});
