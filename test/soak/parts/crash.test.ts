// A slice of `pnpm soak crash`: each of its stories with every fault at some of its operations. Then a disk that lies about
// what it has synced, which must be noticed, or the campaign would prove nothing.
import { MemoryDisk } from '@nanofleet/runtime/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { releaseAll } from './crash-device.ts';
import { CrashDisk } from './crash-disk.ts';
import { HISTORIES } from './crash-histories.ts';
import type { History } from './crash-story.ts';
import { tryHistory } from './crash-trials.ts';

const LONG_MS = 300_000;
/** One operation in so many; enrolling has eight. */
const EVERY: Readonly<Record<string, number>> = { enrol: 1 };
const EVERY_OTHER = 41;

afterAll(releaseAll);

describe('a device whose process ends at an operation of its disk', () => {
  it('is tried in eight stories', () => {
    const names = ['enrol', 'install', 'delta', 'swap', 'rollback', 'collect', 'outbox rotation', 'round'];
    expect(HISTORIES.map(({ name }) => name)).toEqual(names);
  });

  it.each(HISTORIES.map((history) => [history.name, history] as const))(
    'has lost nothing after %s, and goes on',
    async (name, history) => {
      const { failures, operations, trials } = await tryHistory(history, {
        every: EVERY[name] ?? EVERY_OTHER,
      });
      expect(failures).toEqual([]);
      expect(operations.length).toBeGreaterThan(5);
      expect(trials).toBeGreaterThan(5);
    },
    LONG_MS,
  );
});

/** A file that is written in one step, without a name beside it and without a sync. */
const careless: History = {
  name: 'careless',
  prepare: () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/state');
    return Promise.resolve(disk);
  },
  play: (disk) => {
    let isDone = false;
    try {
      disk.open('/state/file').write(Buffer.from('whole'), 0);
      isDone = true;
    } catch {
      // It has ended.
    }
    return Promise.resolve((found) => {
      const text = Buffer.from(found.read('/state/file') ?? []).toString();
      const isRight = isDone ? text === 'whole' : text === '' || text === 'whole';
      return Promise.resolve(isRight ? [] : [`it holds ${JSON.stringify(text)}`]);
    });
  },
};

describe('the campaign', () => {
  it('notices a file that is left half written', async () => {
    const { failures } = await tryHistory(careless);
    expect(failures).toMatchObject([{ fault: 'torn', at: 0, operation: 'write /state/file' }]);
  });

  it('gives the next start only what was synced when the power goes', () => {
    const before = new MemoryDisk();
    before.makeDirectory('/state');
    const disk = new CrashDisk(before, { at: 1, fault: 'unsynced' });
    const file = disk.open('/state/file');
    file.write(Buffer.from('first'), 0);
    expect(() => file.write(Buffer.from('other'), 5)).toThrow('ends here');
    expect(disk.survivor().read('/state/file')).toBeNull();
    expect(() => disk.unlink('/state/file')).toThrow('has ended');
  });
});
