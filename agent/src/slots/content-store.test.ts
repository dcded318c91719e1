// Behaviour of the files of all bundles by their content: what is shared, what a bound removes or refuses, what damage does, on the
// real disk and on simulated ones.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleFile } from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import type { Disk } from '@nanofleet/runtime/ports';
import { MemoryDisk, makeSeededRandom } from '@nanofleet/runtime/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { fileDisk } from '../ports/file-disk.ts';
import { writeFile } from './blob-fetch.ts';
import { ContentStore } from './content-store.ts';

const root = mkdtempSync(join(tmpdir(), 'nf-content-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const contentOf = (seed: number, bytes = 100): Uint8Array => makeSeededRandom(seed).bytes(bytes);
const fileOf = (content: Uint8Array): BundleFile => ({
  ...{ role: 'golden', name: 'golden.json', sha256: sha256Of(content), bytes: content.length },
});

/** A store, and bundles with one file each. */
const made = (disk: Disk, place: string, bounds = { bytesMax: 350, spareBytesMax: 100 }) => {
  const store = new ContentStore(disk, join(place, 'content'), bounds);
  const pathIn = (bundle: string): string => {
    disk.makeDirectory(join(place, bundle));
    return join(place, bundle, 'golden.json');
  };
  const install = (bundle: string, content: Uint8Array): void => {
    writeFile(disk, pathIn(bundle), content);
    store.keep(fileOf(content), pathIn(bundle));
  };
  return { store, pathIn, install, remove: (bundle: string) => disk.removeTree(join(place, bundle)) };
};

describe.each([
  { on: 'the real disk', disk: fileDisk, place: join(root, 'real') },
  { on: 'a simulated one', disk: new MemoryDisk(), place: '/state' },
])('on $on', ({ disk, place }) => {
  it('has a file of two bundles once, whichever of them goes', () => {
    const { install, pathIn, remove, store } = made(disk, join(place, 'shared'));
    install('one', contentOf(1));
    expect(store.take(fileOf(contentOf(1)), pathIn('two'))).toBe(true);
    expect(disk.status(pathIn('two'))).toEqual({ names: 3, bytes: 100 });
    remove('one');
    store.tidy();
    expect(Buffer.from(disk.read(pathIn('two')) ?? [])).toEqual(Buffer.from(contentOf(1)));
  });

  it('gives no file that has changed on the disk, and forgets it', () => {
    const { install, pathIn, store } = made(disk, join(place, 'damaged'));
    install('one', contentOf(2));
    writeFile(disk, pathIn('one'), contentOf(3));
    expect(store.take(fileOf(contentOf(2)), pathIn('two'))).toBe(false);
    expect(disk.status(pathIn('one'))?.names).toBe(1);
    expect(disk.status(pathIn('two'))).toBeNull();
  });

  it('keeps some of what no bundle holds, for a version that comes back', () => {
    const { install, pathIn, remove, store } = made(disk, join(place, 'spare'));
    for (const seed of [4, 5, 6]) install(`bundle-${seed}`, contentOf(seed));
    for (const seed of [4, 5]) remove(`bundle-${seed}`);
    store.tidy();
    const back = [4, 5, 6].filter((seed) => store.take(fileOf(contentOf(seed)), pathIn(`again-${seed}`)));
    expect(back).toContain(6);
    expect(back).toHaveLength(2);
  });

  it('gives up what no bundle holds for one that needs the room, but nothing of what it needs itself', () => {
    const { install, pathIn, remove, store } = made(disk, join(place, 'room'));
    for (const seed of [7, 8, 9]) install(`bundle-${seed}`, contentOf(seed));
    for (const seed of [7, 8]) remove(`bundle-${seed}`);
    store.makeRoom([fileOf(contentOf(8)), fileOf(contentOf(10, 150))]);
    expect(store.take(fileOf(contentOf(8)), pathIn('next'))).toBe(true);
    expect(store.take(fileOf(contentOf(7)), pathIn('gone'))).toBe(false);
  });

  it('refuses a bundle that does not fit beside what others hold', () => {
    const { install, store } = made(disk, join(place, 'full'));
    for (const seed of [11, 12]) install(`bundle-${seed}`, contentOf(seed));
    const refused: unknown = expect.objectContaining({
      code: 'STORE_FULL',
      facts: { needed: 151, held: 200, bytesMax: 350 },
    });
    expect(() => store.makeRoom([fileOf(contentOf(13, 151))])).toThrow(refused);
    store.makeRoom([fileOf(contentOf(13, 150))]);
  });
});

describe('without hard links', () => {
  it('stays empty, and bundles have files of their own', () => {
    const disk = new MemoryDisk();
    disk.hasLinks = false;
    const { install, pathIn, store } = made(disk, '/state');
    install('one', contentOf(1));
    expect(store.take(fileOf(contentOf(1)), pathIn('two'))).toBe(false);
    expect(disk.list('/state/content')).toEqual([]);
  });
});

it('knows after a power cut what is shared and what is not', () => {
  const disk = new MemoryDisk();
  const { install, pathIn, store } = made(disk, '/state');
  install('one', contentOf(1));
  store.take(fileOf(contentOf(1)), pathIn('two'));
  for (const path of ['/state/one', '/state/two', '/state/content']) disk.syncDirectory(path);
  const after = disk.afterPowerCut(makeSeededRandom(1));
  expect(after.status('/state/two/golden.json')).toEqual({ names: 3, bytes: 100 });
});
