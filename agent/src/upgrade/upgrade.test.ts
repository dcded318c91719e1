import { generateSigningKey } from '@nanofleet/protocol/node';
import { type Disk, silentLog } from '@nanofleet/runtime/ports';
import { dyingDisk, ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { nextStart, STARTS_MAX } from '../../install/agent-loader.mjs';
import { type BootState, bootStateSchema, FRESH_BOOT } from './boot-state.ts';
import { makeRelease, serving, type TestRelease } from './test-releases.ts';
import { Upgrade, type UpgradeOptions } from './upgrade.ts';

const key = generateSigningKey();
const next = makeRelease(key, '0.2.0');
const clock = new ManualClock();
const DIRECTORY = '/state/agent';

interface Made {
  readonly upgrade: Upgrade;
  readonly restarts: () => number;
}

const make = (
  disk: Disk,
  { release = null, ...change }: Partial<UpgradeOptions> & { release?: string | null } = {},
): Made => {
  let restarts = 0;
  const upgrade = new Upgrade({
    ...{ clock, disk, directory: DIRECTORY, log: silentLog, random: makeSeededRandom(1) },
    blobs: serving(next.blobs),
    publisherFingerprints: () => [key.fingerprint],
    surroundings: {
      ...{ platform: 'linux-test', node: '20.19.5', running: '0.1.0' },
      engine: { name: 'none', version: '0' },
    },
    loader: { version: 1, release, restart: () => void (restarts += 1) },
    changed: () => undefined,
    ...change,
  });
  return { upgrade, restarts: () => restarts };
};

const want = async ({ upgrade }: Made, { wish }: TestRelease): Promise<void> => {
  upgrade.want(wish);
  await upgrade.settled();
};

const bootIn = (disk: Disk): BootState => {
  const bytes = disk.read(`${DIRECTORY}/boot.json`);
  return bytes === null ? FRESH_BOOT : bootStateSchema.parse(JSON.parse(Buffer.from(bytes).toString()));
};

const isWholeOn =
  (disk: Disk) =>
  ({ digest, files }: NonNullable<BootState['committed']>): boolean =>
    files.every(({ name, sha256 }) => {
      const bytes = disk.read(`${DIRECTORY}/versions/${digest}/${name}`);
      return bytes !== null && Buffer.compare(bytes, next.blobs.get(sha256) ?? Buffer.of()) === 0;
    });

/** What the loader would start now. */
const started = (disk: Disk) =>
  nextStart(bootIn(disk), { base: 'b'.repeat(64), isWhole: isWholeOn(disk), at: 1 });

/** As the loader leaves a disk on which it has counted a start. */
const countStart = (disk: MemoryDisk): void => {
  const { state } = started(disk);
  const file = disk.open(`${DIRECTORY}/boot.json`);
  file.truncate(0);
  file.write(Buffer.from(JSON.stringify(state)), 0);
  file.syncNow();
};

describe('an agent that is to be another one', () => {
  it('fetches, stages and ends, for the loader to start what it has staged', async () => {
    const disk = new MemoryDisk();
    const made = make(disk);
    await want(made, next);
    expect(made.restarts()).toBe(1);
    expect(made.upgrade.report()).toEqual({ version: '0.1.0', digest: null, step: 'staged' });
    expect(started(disk).release).toMatchObject({ digest: next.wish.digest, version: '0.2.0' });
  });

  it('is on probation until it has proved itself, and committed from then on', async () => {
    const disk = new MemoryDisk();
    await want(make(disk), next);
    countStart(disk);
    const { upgrade } = make(disk, { release: next.wish.digest });
    upgrade.want(next.wish);
    expect([upgrade.isOnTrial, upgrade.report().step]).toEqual([true, 'probation']);
    upgrade.proven();
    await upgrade.settled();
    expect([upgrade.isOnTrial, upgrade.report().step]).toEqual([false, 'settled']);
    expect(bootIn(disk)).toMatchObject({
      committed: { version: '0.2.0' },
      trial: null,
      highest: { version: '0.2.0', digest: next.wish.digest },
    });
  });

  it('does not commit what it only staged, nor what was installed', async () => {
    const disk = new MemoryDisk();
    const made = make(disk);
    await want(made, next);
    made.upgrade.proven();
    expect(bootIn(disk).committed).toBeNull();
  });

  const changed = (name: string): TestRelease => {
    const bytes = Uint8Array.from(next.blobs.get(name) ?? []);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    return { ...next, blobs: new Map(next.blobs).set(name, bytes) };
  };
  const unsigned = (): TestRelease => {
    const blobs = new Map(next.blobs);
    blobs.delete(`${next.wish.digest}.sig`);
    return { ...next, blobs };
  };
  const needing = (needs: object): TestRelease =>
    makeRelease(key, '0.2.0', {
      needs: {
        ...{ node: '20.19.0', engines: [{ name: 'none', version: '0' }], agent: '0.1.0', loader: 1 },
        ...needs,
      },
    });

  it.each([
    ['its program was changed', changed(next.program), 'DIGEST_MISMATCH'],
    ['its manifest was changed', changed(next.wish.digest), 'SIGNATURE_WRONG'],
    ['nobody has signed it', unsigned(), 'SIGNATURE_MISSING'],
    ['another key has signed it', makeRelease(generateSigningKey(), '0.2.0'), 'SIGNATURE_KEY_FOREIGN'],
    ['it is what runs', makeRelease(key, '0.1.0'), 'AGENT_DOWNGRADE'],
    ['it is older', makeRelease(key, '0.0.9'), 'AGENT_DOWNGRADE'],
    [
      'it is for another platform',
      makeRelease(key, '0.2.0', { platforms: ['linux-arm64'] }),
      'AGENT_PLATFORM_WRONG',
    ],
    ['it needs a newer Node', needing({ node: '22.0.0' }), 'NEEDS_NOT_MET'],
    ['it needs another engine', needing({ engines: [{ name: 'none', version: '1' }] }), 'NEEDS_NOT_MET'],
    ['it needs a newer loader', needing({ loader: 2 }), 'NEEDS_NOT_MET'],
    ['it follows only later agents', needing({ agent: '0.1.1' }), 'NEEDS_NOT_MET'],
  ])('refuses a release with its code when %s, and leaves nothing of it', async (_why, release, code) => {
    const disk = new MemoryDisk();
    const made = make(disk, { blobs: serving(release.blobs) });
    await want(made, release);
    expect(made.restarts()).toBe(0);
    expect(made.upgrade.report()).toMatchObject({
      ...{ version: '0.1.0', step: 'refused' },
      refused: { code, digest: release.wish.digest },
    });
    expect(disk.list(`${DIRECTORY}/versions`)).toEqual([]);
    expect(started(disk).release).toBeNull();
  });

  it('refuses what is older than it ever committed, but takes that very release again', async () => {
    const disk = new MemoryDisk();
    await want(make(disk), next);
    countStart(disk);
    make(disk, { release: next.wish.digest }).upgrade.proven();
    disk.removeTree(`${DIRECTORY}/versions`);
    countStart(disk);
    expect(bootIn(disk)).toMatchObject({ committed: null, refused: { code: 'AGENT_DAMAGED' } });
    const older = makeRelease(key, '0.1.9');
    const again = make(disk, { blobs: serving(new Map([...next.blobs, ...older.blobs])) });
    await want(again, older);
    expect(again.upgrade.report().refused).toMatchObject({ code: 'AGENT_DOWNGRADE' });
    await want(again, next);
    expect(again.restarts()).toBe(1);
  });

  it('tries a refused release again only when it is rolled out again', async () => {
    const disk = new MemoryDisk();
    const bad = changed(next.program);
    await want(make(disk, { blobs: serving(bad.blobs) }), bad);
    const later = make(disk);
    await want(later, next);
    expect(later.restarts()).toBe(0);
    await want(later, { ...next, wish: { ...next.wish, order: 2 } });
    expect(later.restarts()).toBe(1);
  });

  it('says that it cannot when no loader has started it, and touches no disk', async () => {
    const disk = new MemoryDisk();
    const made = make(disk, { loader: undefined });
    await want(made, next);
    expect(made.upgrade.report()).toMatchObject({ step: 'refused', refused: { code: 'AGENT_NO_LOADER' } });
    expect(disk.list('/state')).toEqual([]);
  });

  it('is given up after three counted starts', async () => {
    const disk = new MemoryDisk();
    await want(make(disk), next);
    for (let count = 0; count < STARTS_MAX; count += 1) countStart(disk);
    expect(started(disk)).toMatchObject({
      release: null,
      state: { trial: null, refused: { code: 'AGENT_START_FAILED', digest: next.wish.digest, order: 1 } },
    });
  });
});

describe('a process that is killed at any change of the disk on its way to another agent', () => {
  /** Changes to the disk until it was over. */
  const stagedAfter = async (steps: number): Promise<{ found: MemoryDisk; isDone: boolean }> => {
    const disk = new MemoryDisk();
    const made = make(dyingDisk(disk, steps));
    made.upgrade.want(next.wish);
    const isOver = (): boolean => made.restarts() > 0 || clock.waiting > 0;
    await expect.poll(isOver, { interval: 1 }).toBe(true);
    await made.upgrade.close();
    return { found: disk, isDone: made.restarts() > 0 };
  };

  const committedAfter = async (steps: number): Promise<{ found: MemoryDisk; isDone: boolean }> => {
    const disk = new MemoryDisk();
    await want(make(disk), next);
    countStart(disk);
    const { upgrade } = make(dyingDisk(disk, steps), { release: next.wish.digest });
    upgrade.proven();
    return { found: disk, isDone: !upgrade.isOnTrial };
  };

  /** What the loader starts on each disk that may be left, and what comes of it when the release is wanted again. */
  const outcomesOf = async (found: MemoryDisk, seed: number): Promise<string[]> => {
    const outcomes: string[] = [];
    for (const disk of [found.afterKill(), found.afterPowerCut(makeSeededRandom(seed))]) {
      const { release, state } = started(disk);
      if (release === null) await want(make(disk), next);
      const isThere = started(disk).release?.digest === next.wish.digest;
      outcomes.push(release === null ? 'installed' : 'release', isThere ? 'reached' : 'lost');
      expect(state.refused).toBeNull();
    }
    return outcomes;
  };

  it.each([
    ['staging', stagedAfter, 15, ['installed', 'reached', 'release']],
    ['committing', committedAfter, 5, ['reached', 'release']],
  ] as const)(
    'starts one whole agent afterwards and reaches the release: %s',
    async (_what, attempt, least, expected) => {
      const seen = new Set<string>();
      let steps = 0;
      for (let isDone = false; !isDone; steps += 1) {
        clock.advance(1_000_000);
        const left = await attempt(steps);
        isDone = left.isDone;
        for (const outcome of await outcomesOf(left.found, steps)) seen.add(outcome);
      }
      expect(steps).toBeGreaterThan(least);
      expect([...seen].toSorted()).toEqual(expected);
    },
  );
});
