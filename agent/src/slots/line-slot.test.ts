import { type BundleFile, deltaName, digestSchema, parseId } from '@nanofleet/protocol';
import { generateSigningKey, sha256Of } from '@nanofleet/protocol/node';
import { encodeDelta } from '@nanofleet/runtime';
import { type Disk, linkUnavailable } from '@nanofleet/runtime/ports';
import { dyingDisk, ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import type { BlobSource } from '../ports/blob-source.ts';
import type { LineSlotOptions } from './line-slot.ts';
import { makeBundle, makePackedBundle, openRunners, sourceOf, type TestBundle } from './test-bundles.ts';
import { install, type MadeSlot, makeSlot } from './test-slots.ts';

const key = generateSigningKey();
const foreignKey = generateSigningKey();
const one = makeBundle(key, { releaseCounter: 1 });
const two = makeBundle(key, { releaseCounter: 2 });
const packed = makePackedBundle(key, { releaseCounter: 2 });
const clock = new ManualClock();

type Made = MadeSlot;

const make = (disk: Disk, change: Partial<LineSlotOptions> = {}): Made =>
  makeSlot({ disk, clock, publisherFingerprints: [key.fingerprint] }, change);

const want = (made: Made, bundle: TestBundle, source: BlobSource = sourceOf(bundle)): Promise<void> =>
  install(made, bundle, { clock, source });

const runningV1 = async (disk: MemoryDisk): Promise<Made> => {
  const made = make(disk);
  await want(made, one);
  return made;
};

const changed = (bundle: TestBundle, name: string): TestBundle => {
  const blobs = new Map(bundle.blobs);
  const bytes = Uint8Array.from(blobs.get(name) ?? []);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  return { ...bundle, blobs: blobs.set(name, bytes) };
};

describe('a line', () => {
  it('fetches, verifies and runs what is asked for, and says so', async () => {
    const made = await runningV1(new MemoryDisk());
    expect(made.served.map(({ version }) => version)).toEqual(['1.0.0']);
    expect(made.slot.report()).toMatchObject({
      running: { version: '1.0.0', releaseCounter: 1, digest: one.wish.digest },
      step: 'settled',
      committed: one.wish.digest,
    });
  });

  it('tells the steps on the way to a version apart from what they lead to', async () => {
    const told: string[] = [];
    const made = make(new MemoryDisk(), {
      changed: (change) => told.push(`${change} ${made.slot.report().step}`),
    });
    await want(made, one);
    const steps = ['fetching', 'verifying', 'accepting'];
    const passing = told.filter((line) => steps.includes(line.split(' ')[1] ?? ''));
    expect(new Set(passing)).toEqual(new Set(['heard fetching', ...steps.map((step) => `step ${step}`)]));
    expect(new Set(told.filter((line) => !passing.includes(line)))).toEqual(
      new Set(['state probation', 'state settled']),
    );
  });

  it('says what bringing a version here took, once it is committed', async () => {
    const made = await runningV1(new MemoryDisk());
    const source = sourceOf(two);
    made.slot.want(two.wish, source);
    await made.slot.settled();
    expect(made.slot.report().installed?.digest).not.toBe(two.wish.digest);
    clock.advance(60_000);
    const { digest, bytes, fetchMs, settleMs } = made.slot.report().installed ?? {};
    expect({ digest, bytes, fetchMs }).toEqual({
      digest: two.wish.digest,
      bytes: source.bytesServed,
      fetchMs: 0,
    });
    expect(settleMs).toBeGreaterThanOrEqual(10_000);
  });

  it('goes to the next version and keeps the one before, but no third', async () => {
    const disk = new MemoryDisk();
    const made = await runningV1(disk);
    const three = makeBundle(key, { releaseCounter: 3 });
    await want(made, two);
    await want(made, three);
    expect(disk.list('/state/slots/intent')).toEqual(
      [three.wish.digest, two.wish.digest, 'state.json'].toSorted(),
    );
  });

  it('keeps a version on probation when the next one turns out to be no good', async () => {
    const made = await runningV1(new MemoryDisk());
    made.slot.want(two.wish, sourceOf(two));
    await made.slot.settled();
    const bad = changed(makeBundle(key, { releaseCounter: 3 }), two.model);
    made.slot.want({ ...bad.wish, releaseCounter: 9 }, sourceOf(bad));
    expect(made.slot.report()).toMatchObject({ running: { version: '2.0.0' }, step: 'probation' });
    clock.advance(60_000);
    await made.slot.settled();
    expect(made.slot.report()).toMatchObject({ committed: two.wish.digest, step: 'refused' });
    expect(made.slot.report().running?.version).toBe('2.0.0');
  });

  it('goes back at once when the committed version is asked for during a probation', async () => {
    const made = await runningV1(new MemoryDisk());
    made.slot.want(two.wish, sourceOf(two));
    await made.slot.settled();
    made.slot.want(one.wish, sourceOf(one));
    expect(made.slot.report().running?.version).toBe('1.0.0');
    await made.slot.settled();
    expect(made.slot.report()).toMatchObject({ committed: one.wish.digest, step: 'settled' });
  });

  it('loads what it has accepted after a restart, without asking anybody', async () => {
    const disk = new MemoryDisk();
    await runningV1(disk);
    const again = make(disk.afterKill());
    await again.slot.start();
    expect(again.slot.report().running?.digest).toBe(one.wish.digest);
  });

  it.each([
    ['the model was changed', changed(two, two.model), 'DIGEST_MISMATCH'],
    ['the manifest was changed', changed(two, two.wish.digest), 'SIGNATURE_WRONG'],
    ['another key has signed it', makeBundle(foreignKey, { releaseCounter: 2 }), 'SIGNATURE_KEY_FOREIGN'],
    ['it is for another line', makeBundle(key, { releaseCounter: 2, line: 'other' }), 'LINE_TASK_WRONG'],
    [
      'its counter is not the promised one',
      { ...two, wish: { ...two.wish, releaseCounter: 7 } },
      'RELEASE_COUNTER_OLD',
    ],
  ])('refuses a bundle with its code when %s, and goes on running', async (_why, bundle, code) => {
    const disk = new MemoryDisk();
    const made = await runningV1(disk);
    await want(made, bundle);
    expect(made.slot.report()).toMatchObject({
      running: { version: '1.0.0' },
      step: 'refused',
      refused: { digest: bundle.wish.digest, code },
    });
    expect(disk.list('/state/slots/intent')).toEqual([one.wish.digest, 'state.json'].toSorted());
  });

  it('asks for no file of a bundle that the publisher has not signed', async () => {
    const bundle = makeBundle(foreignKey, { releaseCounter: 2 });
    const source = sourceOf(bundle);
    await want(make(new MemoryDisk()), bundle, source);
    const own = [bundle.wish.digest, `${bundle.wish.digest}.sig`].map(
      (name) => bundle.blobs.get(name)?.length ?? 0,
    );
    expect(source.bytesServed).toBe(own.reduce((sum, bytes) => sum + bytes, 0));
  });

  it.each([
    [
      'takes the signature that came along with its manifest',
      two.blobs.get(`${two.wish.digest}.sig`),
      '2.0.0',
    ],
    ['refuses a wrong one', new Uint8Array(3), '1.0.0'],
  ])('%s, and does not ask for another', async (_does, signature, version) => {
    const made = await runningV1(new MemoryDisk());
    const source = sourceOf(two);
    const asked: string[] = [];
    await want(made, two, {
      fetch: async (name, range) => {
        asked.push(name);
        const piece = await source.fetch(name, range);
        return name === two.wish.digest && signature ? { ...piece, signature } : piece;
      },
    });
    expect(asked).not.toContain(`${two.wish.digest}.sig`);
    expect(made.slot.report().running?.version).toBe(version);
  });

  it('does not go back behind the release that it has accepted', async () => {
    const made = await runningV1(new MemoryDisk());
    await want(made, two);
    await want(made, one);
    expect(made.slot.report()).toMatchObject({
      running: { version: '2.0.0' },
      refused: { code: 'RELEASE_COUNTER_OLD' },
    });
  });

  it('tries a refused bundle again only after something else was asked for', async () => {
    const made = await runningV1(new MemoryDisk());
    const bad = changed(two, two.model);
    await want(made, bad);
    const source = sourceOf(two);
    await want(made, two, source);
    expect(source.bytesServed).toBe(0);
    await want(made, one);
    await want(made, two);
    expect(made.slot.report()).toMatchObject({
      running: { version: '2.0.0', releaseCounter: 2, digest: two.wish.digest },
      step: 'settled',
      committed: two.wish.digest,
    });
  });

  it('is behind until it has what is wanted or has refused it, and again when it is to try once more', async () => {
    const made = await runningV1(new MemoryDisk());
    expect(made.slot.isBehind(one.wish)).toBe(false);
    expect(made.slot.isBehind(two.wish)).toBe(true);
    await want(made, changed(two, two.model));
    expect(made.slot.isBehind(two.wish)).toBe(false);
    const again = { ...two.wish, attempt: 2 };
    expect(made.slot.isBehind(again)).toBe(true);
    made.slot.want(again, sourceOf(two));
    await made.slot.settled();
    expect(made.slot.isBehind(again)).toBe(true);
    clock.advance(60_000);
    expect(made.slot.isBehind(again)).toBe(false);
  });

  it('keeps its pieces over a kill and asks only for the rest', async () => {
    const disk = new MemoryDisk();
    let pieces = 0;
    const source = sourceOf(one);
    const dying: BlobSource = {
      fetch: (name, range) => {
        pieces += name === one.model ? 1 : 0;
        // Never answers the third piece: the process is killed while it waits.
        return pieces === 3 ? new Promise(() => undefined) : source.fetch(name, range);
      },
    };
    make(disk).slot.want(one.wish, dying);
    await expect.poll(() => pieces).toBe(3);
    const rest = sourceOf(one);
    const again = make(disk.afterKill());
    await again.slot.start();
    await want(again, one, rest);
    expect(again.slot.report().running?.digest).toBe(one.wish.digest);
    expect(rest.bytesServed).toBeLessThan(150_000 - 2 * 65_536 + 10_000);
  });

  it('tries again when the controller does not answer, without giving up what it has', async () => {
    const made = make(new MemoryDisk());
    let failures = 0;
    const source = sourceOf(one);
    const flaky: BlobSource = {
      fetch: (name, range) => {
        failures += 1;
        return failures < 3 ? Promise.reject(linkUnavailable('gone')) : source.fetch(name, range);
      },
    };
    made.slot.want(one.wish, flaky);
    await expect
      .poll(() => {
        clock.advance(60_000);
        return made.slot.report().running?.version;
      })
      .toBe('1.0.0');
  });

  it('leaves nothing behind on its signal, however often it tries again', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', note);
    const made = await runningV1(new MemoryDisk());
    let tries = 0;
    const failing: BlobSource = {
      fetch: () => {
        tries += 1;
        return Promise.reject(linkUnavailable('nobody there'));
      },
    };
    made.slot.want(two.wish, failing);
    await expect
      .poll(() => {
        clock.advance(60_000);
        return tries;
      })
      .toBeGreaterThan(15);
    await made.slot.close();
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('fetches again what the disk has changed, and runs the version before in the meantime', async () => {
    const disk = new MemoryDisk();
    const made = await runningV1(disk);
    await want(made, two);
    const rotten = disk.afterKill();
    rotten.open(`/state/slots/intent/${two.wish.digest}/model.onnx`).write(Buffer.from('rot'), 10);
    const again = make(rotten);
    await again.slot.start();
    expect(again.slot.report()).toMatchObject({
      running: { version: '1.0.0' },
      refused: { code: 'DIGEST_MISMATCH' },
    });
    await want(again, two);
    expect(again.slot.report().running?.version).toBe('2.0.0');
  });

  it('releases a runner that could not be made the accepted one', async () => {
    const disk = new MemoryDisk();
    const made = await runningV1(disk);
    const before = openRunners.size;
    disk.bytesMax = 0;
    made.slot.want(two.wish, sourceOf(two));
    await made.slot.close();
    expect(openRunners.size).toBe(before);
    expect(made.slot.report().running?.version).toBe('1.0.0');
  });
});

describe('a model that travels in fewer bits', () => {
  const directory = `/state/slots/intent/${packed.wish.digest}`;
  const without = ({ blobs, ...bundle }: TestBundle, name: string | undefined): TestBundle => {
    const left = new Map(blobs);
    left.delete(name ?? '');
    return { ...bundle, blobs: left };
  };
  const bytesOf = (name: string | undefined): number => packed.blobs.get(name ?? '')?.length ?? 0;

  it('is fetched in these and lies expanded in its slot, as if it had come so', async () => {
    const disk = new MemoryDisk();
    const made = await runningV1(disk);
    const source = sourceOf(without(packed, packed.model));
    await want(made, packed, source);
    expect(made.slot.report()).toMatchObject({
      running: { version: '2.0.0', releaseCounter: 2, digest: packed.wish.digest },
      step: 'settled',
      committed: packed.wish.digest,
    });
    expect(disk.list(directory)).toEqual(['golden.json', 'manifest.json', 'manifest.sig', 'model.onnx']);
    expect(sha256Of(disk.read(`${directory}/model.onnx`) ?? '')).toBe(packed.model);
    expect(source.bytesServed).toBeLessThan(bytesOf(packed.model) * 0.6);
  });

  it('says how much of the smaller form has come', async () => {
    const seen: unknown[] = [];
    const made: Made = make(new MemoryDisk(), { changed: () => void seen.push(made.slot.report().progress) });
    await want(made, packed);
    const bytes = bytesOf(packed.wire) + bytesOf(packed.golden);
    expect(seen).toContainEqual({ bytesDone: bytes, bytesTotal: bytes });
  });

  it('is fetched as it is from who has only that', async () => {
    const made = await runningV1(new MemoryDisk());
    await want(made, packed, sourceOf(without(packed, packed.wire)));
    expect(made.slot.report().running?.digest).toBe(packed.wish.digest);
  });

  it('is fetched as it is when its form is one that this agent does not know', async () => {
    const states = (file: BundleFile): BundleFile =>
      file.wire === undefined ? file : { ...file, wire: { ...file.wire, form: 'nfw9' } };
    const later = makePackedBundle(key, { releaseCounter: 2, states });
    const made = await runningV1(new MemoryDisk());
    await want(made, later, sourceOf(without(later, later.wire)));
    expect(made.slot.report().running?.digest).toBe(later.wish.digest);
  });

  const foreign = makePackedBundle(key, { releaseCounter: 3 });
  it.each([
    ['one bit of it was changed', changed(packed, packed.wire ?? ''), 'DIGEST_MISMATCH'],
    [
      'it has another size',
      { ...packed, blobs: new Map(packed.blobs).set(packed.wire ?? '', new Uint8Array(9)) },
      'DIGEST_MISMATCH',
    ],
    [
      'it expands to another model than was signed',
      makePackedBundle(key, {
        releaseCounter: 2,
        states: (file) => ({ ...file, sha256: parseId(digestSchema, foreign.model) }),
      }),
      'WIRE_FORM_WRONG',
    ],
    [
      'it expands to more than was signed',
      makePackedBundle(key, { releaseCounter: 2, states: (file) => ({ ...file, bytes: 1_000 }) }),
      'WIRE_FORM_WRONG',
    ],
  ])('is refused with its code when %s, and nothing changes', async (_why, bundle, code) => {
    const disk = new MemoryDisk();
    const made = await runningV1(disk);
    await want(made, bundle);
    expect(made.slot.report()).toMatchObject({
      running: { version: '1.0.0' },
      step: 'refused',
      refused: { digest: bundle.wish.digest, code },
    });
    expect(disk.list('/state/slots/intent')).toEqual([one.wish.digest, 'state.json'].toSorted());
  });

  it('is not fetched again after a kill between its last byte and its expansion', async () => {
    const disk = new MemoryDisk();
    disk.makeDirectory(`${directory}.part`);
    disk
      .open(`${directory}.part/model.nfw`)
      .write(packed.blobs.get(packed.wire ?? '') ?? new Uint8Array(), 0);
    disk.open(`${directory}.part/model.onnx`).write(new Uint8Array(1_000), 0);
    const made = make(disk);
    await want(made, packed, sourceOf(without(without(packed, packed.wire), packed.model)));
    expect(made.slot.report().running?.digest).toBe(packed.wish.digest);
  });
});

const delta = encodeDelta(
  one.blobs.get(one.model) ?? new Uint8Array(),
  two.blobs.get(two.model) ?? new Uint8Array(),
);
const byDelta: TestBundle = {
  ...two,
  blobs: new Map(two.blobs).set(deltaName(one.model, two.model), delta),
};

describe.each([
  ['as it is', two],
  ['in fewer bits', packed],
  ['as a delta', byDelta],
])(
  'a process that is killed at any change of the disk on the way to version 2, which travels %s',
  (_how, next) => {
    const killedAt = async (steps: number): Promise<{ found: MemoryDisk; isDone: boolean }> => {
      const disk = new MemoryDisk();
      await runningV1(disk);
      let isKilled = false;
      const made = make(dyingDisk(disk, steps, () => void (isKilled = true)));
      await made.slot.start();
      made.slot.want(next.wish, sourceOf(next));
      const isDone = (): boolean => made.slot.report().committed === next.wish.digest;
      await expect
        .poll(
          () => {
            clock.advance(1_000);
            return isKilled || isDone();
          },
          { interval: 1 },
        )
        .toBe(true);
      await made.slot.close();
      return { found: disk, isDone: !isKilled };
    };

    const versionsAfter = async (found: MemoryDisk): Promise<string[]> => {
      const again = make(found);
      await again.slot.start();
      const first = again.slot.report().running?.version ?? 'none';
      await want(again, next);
      return [first, again.slot.report().running?.version ?? 'none'];
    };

    it('runs exactly one accepted version afterwards, and reaches version 2 when it is asked again', async () => {
      const seen = new Set<string>();
      let steps = 0;
      for (let isDone = false; !isDone; steps += 1) {
        clock.advance(1_000_000);
        const attempt = await killedAt(steps);
        isDone = attempt.isDone;
        for (const found of [
          attempt.found.afterKill(),
          attempt.found.afterPowerCut(makeSeededRandom(steps)),
        ]) {
          const [first, last] = await versionsAfter(found);
          expect(['1.0.0', '2.0.0']).toContain(first);
          expect(last).toBe('2.0.0');
          seen.add(first ?? '');
        }
      }
      expect(steps).toBeGreaterThan(20);
      expect([...seen].toSorted()).toEqual(['1.0.0', '2.0.0']);
    }, 300_000);
  },
);
