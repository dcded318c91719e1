import { PAIRS_LOOK_MS, PAIRS_MS_MAX } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { ManualClock, MemoryDisk, settle } from '@nanofleet/runtime/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LineSlotOptions } from './line-slot.ts';
import { makeBundle, openRunners, sourceOf } from './test-bundles.ts';
import { install, type MadeSlot, makeSlot } from './test-slots.ts';

const key = generateSigningKey();
const one = makeBundle(key, { releaseCounter: 1 });
const two = makeBundle(key, { releaseCounter: 2 });
const three = makeBundle(key, { releaseCounter: 3 });
const compared = { ...two, wish: { ...two.wish, comparedWith: one.wish.digest } };

/** A line with a watch that notes what it is given. */
class Watched {
  readonly clock = new ManualClock();
  readonly disk: MemoryDisk;
  readonly made: MadeSlot;
  rssBytes = 50e6;
  begun: { digest: string; enough: () => void; version: string }[] = [];
  ended = 0;
  /** Versions that said they would be compared, and do still. */
  readonly expected = new Set<string>();

  constructor(disk = new MemoryDisk()) {
    this.disk = disk;
    const { clock } = this;
    const pairs: LineSlotOptions['pairs'] = {
      begin: ({ digest }, { enough, former }) =>
        void this.begun.push({ digest, enough, version: former.version }),
      end: () => Promise.resolve(void (this.ended += 1)),
      expect: ({ digest }) => void this.expected.add(digest),
      forgo: ({ digest }) => void this.expected.delete(digest),
    };
    const host = { memoryBytes: 1e9, rssBytes: () => this.rssBytes };
    this.made = makeSlot({ disk, clock, publisherFingerprints: [key.fingerprint] }, { host, pairs });
  }

  async install(bundle: typeof one): Promise<void> {
    await install(this.made, bundle, { clock: this.clock });
    await settle();
  }
}

const onTheSecond = async (): Promise<Watched> => {
  const line = new Watched();
  await line.install(one);
  await line.install(compared);
  return line;
};

beforeEach(() => openRunners.clear());

describe('the version before', () => {
  it('is loaded beside the new one once that is committed, and only where a gate asks for it', async () => {
    const line = new Watched();
    await line.install(one);
    await line.install(two);
    expect([line.begun, openRunners.size]).toEqual([[], 1]);
    const asked = await onTheSecond();
    expect(asked.begun).toMatchObject([{ digest: two.wish.digest, version: '1.0.0' }]);
    await line.made.slot.close();
  });

  it('is announced from the first moment in service of the new one, unless there is no room', async () => {
    const line = new Watched();
    await line.install(one);
    line.made.slot.want(compared.wish, sourceOf(compared));
    await line.made.slot.settled();
    expect([line.made.slot.report().step, [...line.expected], line.begun]).toEqual([
      'probation',
      [two.wish.digest],
      [],
    ]);
    const full = new Watched();
    await full.install(one);
    full.rssBytes = 900e6;
    full.made.slot.want(compared.wish, sourceOf(compared));
    await full.made.slot.settled();
    expect([full.made.slot.report().step, [...full.expected]]).toEqual(['probation', []]);
  });

  it('is released when the gate asks for it no more', async () => {
    const line = await onTheSecond();
    expect(openRunners.size).toBe(2);
    await line.install(two);
    expect([line.ended, openRunners.size, line.expected.size]).toEqual([1, 1, 0]);
    expect(line.made.slot.report().running?.version).toBe('2.0.0');
  });

  it('is released when the line goes back, on to another version, or ends', async () => {
    const back = await onTheSecond();
    const rollback = { from: two.wish.digest, to: one.wish.digest };
    await back.install({ ...one, wish: { ...one.wish, rollback } });
    expect([back.ended, openRunners.size, back.made.slot.report().running?.version]).toEqual([1, 1, '1.0.0']);
    openRunners.clear();
    const on = await onTheSecond();
    await on.install(three);
    expect([on.ended, openRunners.size]).toEqual([1, 1]);
    openRunners.clear();
    const ended = await onTheSecond();
    await ended.made.slot.close();
    expect([ended.ended, openRunners.size]).toEqual([1, 1]);
  });

  it('is loaded again after a restart while the gate still asks', async () => {
    const before = await onTheSecond();
    const again = new Watched(before.disk.afterKill());
    await again.made.slot.start();
    expect(again.begun).toEqual([]);
    await again.install(compared);
    expect(again.begun).toMatchObject([{ digest: two.wish.digest, version: '1.0.0' }]);
  });

  it('is not loaded, or is released, where there is no room for two', async () => {
    const line = new Watched();
    await line.install(one);
    line.rssBytes = 900e6;
    await line.install(compared);
    expect(line.begun).toEqual([]);
    const full = await onTheSecond();
    full.rssBytes = 900e6;
    full.clock.advance(PAIRS_LOOK_MS);
    await settle();
    expect(full.ended).toBe(1);
  });

  it.each([
    ['enough was compared', (line: Watched) => line.begun[0]?.enough()],
    ['a week is over', (line: Watched) => line.clock.advance(PAIRS_MS_MAX + 2 * PAIRS_LOOK_MS)],
  ])('is released when %s, and not loaded again', async (_why, happen) => {
    const line = await onTheSecond();
    happen(line);
    await settle();
    await line.install(compared);
    expect([line.begun.length, line.ended, openRunners.size]).toEqual([1, 1, 1]);
  });

  it('is what serves, not what the disk has lost: a line whose former version is damaged compares nothing', async () => {
    const line = new Watched();
    await line.install(one);
    await line.install(two);
    const directory = `/state/slots/intent/${one.wish.digest}`;
    for (const name of line.disk.list(directory)) line.disk.unlink(`${directory}/${name}`);
    await line.install(compared);
    expect(line.begun).toEqual([]);
    expect(line.made.slot.report()).toMatchObject({ running: { version: '2.0.0' }, step: 'settled' });
  });
});
