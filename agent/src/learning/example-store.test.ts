import { EXAMPLE_AGE_MAX_MS, EXAMPLES_BYTES_MAX, EXAMPLES_PER_LABEL_MAX } from '@nanofleet/protocol';
import { type Disk, type DiskFile, type Log, silentLog } from '@nanofleet/runtime/ports';
import { ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckedLog } from '../store/checked-log.ts';
import type { Offer } from './example-index.ts';
import { ExampleStore } from './example-store.ts';

const DIRECTORY = '/state/learning';
const NOW = new ManualClock().unixMs();
const FILE = `${DIRECTORY}/examples.log`;

const open = (disk: Disk, options: { clock?: ManualClock; seed?: number; log?: Log } = {}): ExampleStore =>
  new ExampleStore({
    disk,
    clock: options.clock ?? new ManualClock(),
    random: makeSeededRandom(options.seed ?? 1),
    log: options.log ?? silentLog,
    directory: DIRECTORY,
  });

const offerOf = (text: string, change: Partial<Offer> = {}): Offer => ({
  line: 'intent',
  label: 'on',
  origin: 'local',
  at: NOW,
  text,
  ...change,
});

const contents = (store: ExampleStore): string[] =>
  store
    .of('intent')
    .map(({ text, label, origin }) => `${text} ${label ?? '-'} ${origin}`)
    .toSorted((left, right) => (left < right ? -1 : 1));

describe('an example store', () => {
  it('keeps what it was told over a kill, with the later of two labels', () => {
    const disk = new MemoryDisk();
    const store = open(disk);
    expect(store.offer(offerOf('lights on'))).toEqual({ outcome: 'new', examples: 1 });
    expect(store.offer(offerOf('Lights ON '))).toEqual({ outcome: 'same', examples: 1 });
    expect(store.offer(offerOf('lights on', { label: 'off' }))).toEqual({ outcome: 'changed', examples: 1 });
    store.offer(offerOf('what is love', { label: null }));
    expect(contents(open(disk.afterKill()))).toEqual(['lights on off local', 'what is love - local']);
  });

  it('lets a correction stand against answers of bigger tiers, whichever came first', () => {
    const store = open(new MemoryDisk());
    store.offer(offerOf('one', { origin: 'mini' }));
    store.offer(offerOf('one', { origin: 'cloud', label: 'off' }));
    expect(contents(store)).toEqual(['one off cloud']);
    store.offer(offerOf('one', { label: 'dim' }));
    expect(store.offer(offerOf('one', { origin: 'cloud', label: 'off' })).outcome).toBe('same');
    expect(contents(store)).toEqual(['one dim local']);
  });

  it('keeps at most so many per label, each offer as likely as another', () => {
    const offers = 4 * EXAMPLES_PER_LABEL_MAX;
    const early: number[] = [];
    for (let seed = 1; seed <= 8; seed += 1) {
      const store = open(new MemoryDisk(), { seed });
      for (let index = 0; index < offers; index += 1) store.offer(offerOf(`text ${index}`));
      const kept = store.of('intent');
      expect(kept).toHaveLength(EXAMPLES_PER_LABEL_MAX);
      early.push(kept.filter(({ text }) => Number(text.slice(5)) < offers / 2).length);
    }
    const mean = early.reduce((sum, count) => sum + count, 0) / early.length;
    expect(Math.abs(mean / EXAMPLES_PER_LABEL_MAX - 0.5)).toBeLessThan(0.05);
  });

  it('chooses as evenly after a restart, because it knows how many were offered', () => {
    const disk = new MemoryDisk();
    const first = open(disk);
    for (let index = 0; index < 4 * EXAMPLES_PER_LABEL_MAX; index += 1)
      first.offer(offerOf(`early ${index}`));
    const second = open(disk.afterKill(), { seed: 2 });
    for (let index = 0; index < EXAMPLES_PER_LABEL_MAX; index += 1) second.offer(offerOf(`late ${index}`));
    const late = second.of('intent').filter(({ text }) => text.startsWith('late')).length;
    // A fifth of all offers; a store that forgot the count would keep nearly two thirds.
    expect(late / EXAMPLES_PER_LABEL_MAX).toBeGreaterThan(0.1);
    expect(late / EXAMPLES_PER_LABEL_MAX).toBeLessThan(0.3);
  });

  it('never lets answers of bigger tiers drive a correction out', () => {
    const store = open(new MemoryDisk());
    store.offer(offerOf('mine'));
    for (let index = 0; index < 3 * EXAMPLES_PER_LABEL_MAX; index += 1)
      store.offer(offerOf(`answer ${index}`, { origin: 'mini' }));
    expect(store.counts().labels).toEqual([
      { line: 'intent', label: 'on', local: 1, offloaded: EXAMPLES_PER_LABEL_MAX },
    ]);
  });

  it('stays within its bytes, in memory and on the disk', () => {
    const disk = new MemoryDisk();
    const store = open(disk);
    const long = 'x'.repeat(4_000);
    for (let index = 0; index < 700; index += 1) {
      store.offer(offerOf(`${index} ${long}`, { label: `label-${index % 7}` }));
      expect(store.counts().bytes).toBeLessThanOrEqual(EXAMPLES_BYTES_MAX);
      expect(disk.readPiece(FILE, { from: 0, length: 0 })?.totalBytes).toBeLessThan(3 * EXAMPLES_BYTES_MAX);
    }
    expect(store.counts().bytes).toBeGreaterThan(0.9 * EXAMPLES_BYTES_MAX);
    expect(contents(open(disk.afterKill()))).toEqual(contents(store));
  });

  it('forgets what is too old, for good', () => {
    const clock = new ManualClock();
    const disk = new MemoryDisk();
    const store = open(disk, { clock });
    store.offer(offerOf('old', { at: clock.unixMs() }));
    clock.advance(EXAMPLE_AGE_MAX_MS / 2);
    store.offer(offerOf('young', { at: clock.unixMs() }));
    clock.advance(EXAMPLE_AGE_MAX_MS / 2 + 1);
    expect(contents(store)).toEqual(['young on local']);
    expect(contents(open(disk.afterKill()))).toEqual(['young on local']);
  });

  it('says DISK_FULL when there is no room, keeps what it has, and goes on when there is', () => {
    const disk = new MemoryDisk();
    const store = open(disk);
    store.offer(offerOf('kept'));
    disk.bytesMax = (disk.read(FILE)?.length ?? 0) + 20;
    expect(() => store.offer(offerOf('no room'))).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    expect(contents(store)).toEqual(['kept on local']);
    expect(contents(open(disk.afterKill()))).toEqual(['kept on local']);
    disk.bytesMax = Number.POSITIVE_INFINITY;
    store.offer(offerOf('room'));
    expect(contents(open(disk.afterKill()))).toEqual(['kept on local', 'room on local']);
  });

  it('goes on without its file on a disk that has no room even for that, and makes it later', () => {
    const disk = new MemoryDisk();
    const refusing: Disk = {
      ...watched(disk, () => undefined),
      open: (path) => {
        if (disk.bytesMax === 0) throw Object.assign(new TypeError('read-only'), { code: 'EROFS' });
        return disk.open(path);
      },
    };
    disk.bytesMax = 0;
    const store = open(refusing);
    expect(() => store.offer(offerOf('no room'))).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    expect(store.of('intent')).toEqual([]);
    disk.bytesMax = Number.POSITIVE_INFINITY;
    store.offer(offerOf('room'));
    expect(contents(open(disk.afterKill()))).toEqual(['room on local']);
  });

  it('names the file that another version wrote, rather than to begin anew', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory(DIRECTORY);
    const log = new CheckedLog(disk, FILE);
    log.append({ shape: 'of another version' }, { isDurable: true });
    expect(() => open(disk)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
  });

  it('wipes: nothing in memory, nothing on the disk, not even where the file lay', () => {
    const disk = new MemoryDisk();
    const overwritten: Uint8Array[] = [];
    const spied = spyOnUnlink(disk, (path) => overwritten.push(disk.read(path) ?? new Uint8Array()));
    const store = open(spied);
    for (let index = 0; index < 50; index += 1) store.offer(offerOf(`secret ${index}`));
    const bytes = disk.read(FILE)?.length;
    expect(store.wipe()).toEqual({ examples: 50, bytes });
    expect(overwritten.map(({ length }) => length)).toEqual([0]);
    expect(store.counts()).toEqual({ labels: [], total: 0, bytes: 0, oldestAt: null });
    for (let seed = 1; seed <= 50; seed += 1)
      expect(contents(open(disk.afterPowerCut(makeSeededRandom(seed))))).toEqual([]);
    store.offer(offerOf('new life'));
    expect(contents(open(disk.afterKill()))).toEqual(['new life on local']);
  });

  it('never puts a text into the log', () => {
    const lines: string[] = [];
    const write = (what: string, facts?: object): void => void lines.push(JSON.stringify([what, facts]));
    const log = { info: write, warn: write, error: write };
    const disk = new MemoryDisk();
    open(disk, { log }).offer(offerOf('top secret words'));
    const file = disk.open(FILE);
    file.write(Buffer.from('torn tail'), file.size());
    disk.isSyncBroken = false;
    open(disk.afterKill(), { log });
    expect(lines.join()).toContain('examples-torn');
    expect(lines.join()).not.toContain('secret');
  });
});

const spyOnUnlink = (disk: MemoryDisk, spy: (path: string) => void): Disk => ({
  ...watched(disk, () => undefined),
  unlink: (path) => {
    if (disk.read(path) !== null) spy(path);
    disk.unlink(path);
  },
});

type Step = { readonly kind: 'offer'; readonly offer: Offer } | { readonly kind: 'wipe' };

/** Calls `moment` before and after everything that changes the disk. */
const watched = (disk: MemoryDisk, moment: () => void): Disk => {
  const around =
    <A extends unknown[], R>(work: (...given: A) => R) =>
    (...given: A): R => {
      moment();
      const result = work(...given);
      moment();
      return result;
    };
  const watchFile = (file: DiskFile): DiskFile => ({
    ...file,
    write: around((bytes: Uint8Array, position: number) => file.write(bytes, position)),
    truncate: around((length: number) => file.truncate(length)),
    syncNow: around(() => file.syncNow()),
  });
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    read: (path) => disk.read(path),
    readPiece: (path, range) => disk.readPiece(path, range),
    removeTree: (path) => disk.removeTree(path),
    open: (path) => watchFile(disk.open(path)),
    rename: around((from: string, to: string) => disk.rename(from, to)),
    unlink: around((path: string) => disk.unlink(path)),
    link: around((from: string, to: string) => disk.link(from, to)),
    status: (path) => disk.status(path),
    syncDirectory: around((path: string) => disk.syncDirectory(path)),
  };
};

const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('offer' as const), offer: arbitraryOffer() }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'wipe' as const }) },
);

function arbitraryOffer(): fc.Arbitrary<Offer> {
  return fc.record({
    line: fc.constant('intent'),
    label: fc.constantFrom('on', 'off', null),
    origin: fc.constantFrom('local', 'mini'),
    at: fc.constant(NOW),
    // Some fill sectors, so that they can be torn.
    text: fc
      .tuple(fc.nat(9), fc.constantFrom(1, 700))
      .map(([number, size]) => `${number} ${'x'.repeat(size)}`),
  });
}

describe('an example store whose process or power ends at any write', () => {
  it('opens as it was after some step, and never loses a correction that was confirmed', () => {
    fc.assert(
      fc.property(fc.array(arbitraryStep, { minLength: 1, maxLength: 12 }), fc.nat(1_000), (steps, seed) => {
        const random = makeSeededRandom(seed);
        const disk = new MemoryDisk();
        const cuts: { disk: MemoryDisk; step: number; durable: number; isKill: boolean }[] = [];
        let step = 0;
        let durable = 0;
        const store = open(
          watched(disk, () => {
            cuts.push({ disk: disk.afterKill(), step, durable: step, isKill: true });
            cuts.push({ disk: disk.afterPowerCut(random), step, durable, isKill: false });
          }),
        );
        const states = [contents(store)];
        for (const wanted of steps) {
          step += 1;
          if (wanted.kind === 'wipe') store.wipe();
          else store.offer(wanted.offer);
          states.push(contents(store));
          const isDurable = wanted.kind === 'wipe' || wanted.offer.origin === 'local';
          if (isDurable && states.at(-1)?.join() !== states.at(-2)?.join()) durable = step;
        }
        for (const cut of cuts) {
          const found = contents(open(cut.disk)).join();
          const from = cut.isKill ? cut.step - 1 : Math.min(cut.durable, cut.step - 1);
          const allowed = states.slice(Math.max(0, from), cut.step + 1).map((state) => state.join());
          // In the middle of a wipe some of it may be gone already; nothing foreign may be there.
          const isWipe = steps[cut.step - 1]?.kind === 'wipe';
          const isPartWiped = isWipe && isPart(found, states[cut.step - 1] ?? []);
          expect(allowed.includes(found) || isPartWiped, `${found} of ${allowed.join(' or ')}`).toBe(true);
        }
      }),
      { seed: 11, numRuns: 60 },
    );
  });
});

const isPart = (found: string, whole: readonly string[]): boolean =>
  found === '' || found.split(',').every((entry) => whole.includes(entry));
