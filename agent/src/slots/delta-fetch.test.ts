// Behaviour of a line that has a version already: it makes the next one of what is here and a delta, fetches nothing twice, and takes the
// whole file when a delta is missing, wrong or not worth it. Kills lose one piece.
import { BLOB_CHUNK_BYTES, deltaName } from '@nanofleet/protocol';
import { generateSigningKey, sha256Of } from '@nanofleet/protocol/node';
import { encodeDelta } from '@nanofleet/runtime';
import { ManualClock, MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import type { BlobSource } from '../ports/blob-source.ts';
import type { LineSlot } from './line-slot.ts';
import { makeBundle, makePackedBundle, sourceOf, type TestBundle } from './test-bundles.ts';
import { install, makeSlot } from './test-slots.ts';

const DIRECTORY = '/state/slots/intent';
const MODEL_BYTES = 600_000;
const key = generateSigningKey();
const random = makeSeededRandom(1);
const first = random.bytes(MODEL_BYTES);
/** A few of its bytes are others. */
const near = first.map((byte, at) => (at % 100 === 0 ? byte ^ 1 : byte));
/** A third of it is other. */
const far = Uint8Array.from([...first.subarray(0, 400_000), ...random.bytes(200_000)]);
const delta = encodeDelta(first, near);
const one = makeBundle(key, { releaseCounter: 1, model: first });
const two = makeBundle(key, { releaseCounter: 2, model: near });
const three = makeBundle(key, { releaseCounter: 3, model: far });

/** The bundle with a delta of its model from the first one beside it. */
const withDelta = (bundle: TestBundle, delta: Uint8Array): TestBundle => {
  const name = deltaName(one.model, bundle.model);
  return { ...bundle, blobs: new Map([...bundle.blobs, [name, delta]]) };
};

const clock = new ManualClock();

const make = (disk: MemoryDisk): LineSlot =>
  makeSlot({ disk, clock, publisherFingerprints: [key.fingerprint] }).slot;

const pursue = (slot: LineSlot, bundle: TestBundle, source: BlobSource): Promise<void> =>
  install({ slot }, bundle, { clock, source });

/** A disk with the first version on it; its bundle is not offered any more. */
const withFirst = async (bundle = one): Promise<MemoryDisk> => {
  const disk = new MemoryDisk();
  await pursue(make(disk), bundle, sourceOf(bundle));
  return disk;
};

const runs = (slot: LineSlot, bundle: TestBundle): void =>
  expect(slot.report()).toMatchObject({ step: 'settled', running: { digest: bundle.wish.digest } });

describe('a line with a version', () => {
  it('comes to the next by a delta, and asks for nothing that it has', async () => {
    const slot = make(await withFirst());
    const source = sourceOf(withDelta(two, delta));
    await slot.start();
    await pursue(slot, two, source);
    runs(slot, two);
    const small =
      (two.blobs.get(two.wish.digest)?.length ?? 0) + (two.blobs.get(`${two.wish.digest}.sig`)?.length ?? 0);
    expect(source.bytesServed).toBe(small + delta.length);
  });

  it('leaves no delta behind', async () => {
    const disk = await withFirst();
    const slot = make(disk);
    await pursue(slot, two, sourceOf(withDelta(two, delta)));
    expect(disk.list(`${DIRECTORY}/${two.wish.digest}`)).toEqual(
      ['golden.json', 'manifest.json', 'manifest.sig', 'model.onnx'].toSorted(),
    );
  });

  it.each([
    ['there is no delta', two],
    [
      'the delta is damaged',
      withDelta(
        two,
        delta.map((byte, at) => (at === delta.length - 9 ? byte ^ 1 : byte)),
      ),
    ],
    ['the delta is of another base', withDelta(two, encodeDelta(first.subarray(1), near))],
    ['the delta leads to another file', withDelta(two, encodeDelta(first, far))],
    ['the delta is hardly shorter', withDelta(two, new Uint8Array(MODEL_BYTES * 0.9))],
    ['the delta is empty', withDelta(two, new Uint8Array(0))],
  ])('takes the whole file when %s', async (_, offered) => {
    const slot = make(await withFirst());
    const source = sourceOf(offered);
    await pursue(slot, two, source);
    runs(slot, two);
    expect(source.bytesServed).toBeGreaterThan(MODEL_BYTES);
  });

  it('takes the whole file when the disk has changed what was here', async () => {
    const disk = await withFirst();
    const path = `${DIRECTORY}/${one.wish.digest}/model.onnx`;
    disk.open(path).write(Uint8Array.of(9, 9), 100);
    const slot = make(disk);
    const source = sourceOf(withDelta(two, delta));
    await pursue(slot, two, source);
    runs(slot, two);
    expect(source.bytesServed).toBeGreaterThan(MODEL_BYTES);
  });

  it('goes on with a delta where a kill has left it, one piece twice at most', async () => {
    const long = encodeDelta(first, far);
    expect(long.length).toBeGreaterThan(3 * BLOB_CHUNK_BYTES);
    const whole = sourceOf(withDelta(three, long));
    const disk = await withFirst();
    const cut: BlobSource = {
      fetch: (name, range) => {
        if (range.from >= 2 * BLOB_CHUNK_BYTES) return new Promise(() => undefined);
        return whole.fetch(name, range);
      },
    };
    const before = make(disk);
    before.want(three.wish, cut);
    await expect
      .poll(() => disk.list(`${DIRECTORY}/${three.wish.digest}.part`))
      .toContain('model.onnx.delta');
    const after = make(disk.afterKill());
    await pursue(after, three, whole);
    runs(after, three);
    const once = 2 * smallBytes(three) + long.length;
    expect(whole.bytesServed).toBeLessThanOrEqual(once + BLOB_CHUNK_BYTES);
  });

  it('expands what travels packed from a delta of the graph itself', async () => {
    const base = makePackedBundle(key, { releaseCounter: 1 });
    const next = makePackedBundle(key, { releaseCounter: 2 });
    const disk = await withFirst(base);
    const graph = (bundle: TestBundle) => bundle.blobs.get(bundle.model) ?? new Uint8Array();
    const name = deltaName(base.model, next.model);
    const made = encodeDelta(graph(base), graph(next));
    const source = sourceOf({ ...next, blobs: new Map([...next.blobs, [name, made]]) });
    const slot = make(disk);
    await pursue(slot, next, source);
    runs(slot, next);
    expect(sha256Of(disk.read(`${DIRECTORY}/${next.wish.digest}/model.onnx`) ?? '')).toBe(next.model);
  });
});

/** Bytes of a bundle's manifest and signature. */
function smallBytes({ blobs, wish }: TestBundle): number {
  return (blobs.get(wish.digest)?.length ?? 0) + (blobs.get(`${wish.digest}.sig`)?.length ?? 0);
}

describe('a version that comes back', () => {
  it('is made of what was kept of it, though other versions came between', async () => {
    const slot = make(await withFirst());
    await slot.start();
    for (const bundle of [two, three]) await pursue(slot, bundle, sourceOf(bundle));
    const again = makeBundle(key, { releaseCounter: 4, model: first });
    const source = sourceOf(again);
    await pursue(slot, again, source);
    runs(slot, again);
    expect(source.bytesServed).toBeLessThan(MODEL_BYTES / 10);
  });
});
