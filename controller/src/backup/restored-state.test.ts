// A restore that is killed at any of its steps is finished by whoever comes next, or was never there.
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isUnsettled, MARK_FILE, markBytes, settleRestored } from './restored-state.ts';

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-restored-'));
  await mkdir(join(directory, 'db'));
  for (const name of ['db/rows', 'controller.key.pem', 'old-only'])
    await writeFile(join(directory, name), 'old');
  await mkdir(join(directory, 'restored', 'db'), { recursive: true });
  for (const name of ['db/rows', 'controller.key.pem', 'new-only']) {
    await writeFile(join(directory, 'restored', name), 'new');
  }
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const mark = (database: 'embedded' | 'postgres') =>
  writeFile(join(directory, 'restored', MARK_FILE), markBytes({ id: 'feedfeedfeedfeed', database }));
const yes = () => Promise.resolve(true);
const read = (name: string) => readFile(join(directory, name), 'utf8');

const found = async () => ({
  isUnsettled: isUnsettled(directory),
  names: (await readdir(directory)).sort(),
  contents: [await read('db/rows'), await read('controller.key.pem')],
  kept: (await readdir(join(directory, 'replaced-feedfeedfeedfeed'))).sort(),
});

/** What a whole restore leaves. */
const WHOLE = {
  isUnsettled: false,
  names: ['controller.key.pem', 'db', 'new-only', 'replaced-feedfeedfeedfeed'],
  contents: ['new', 'new'],
  kept: ['controller.key.pem', 'db', 'old-only'],
};

it('takes the place of what is there, which stays aside', async () => {
  await mark('embedded');
  await settleRestored(directory, () => Promise.reject(new TypeError('no database is asked')));
  expect(await found()).toEqual(WHOLE);
});

it('goes on wherever it was killed', async () => {
  await mark('embedded');
  await mkdir(join(directory, 'replaced-feedfeedfeedfeed'));
  await rename(join(directory, 'db'), join(directory, 'replaced-feedfeedfeedfeed', 'db'));
  const killed = `${directory}-2`;
  await cp(directory, killed, { recursive: true });
  await settleRestored(directory, yes);
  expect(await found()).toEqual(WHOLE);
  await rm(directory, { recursive: true });
  await rename(killed, directory);
  for (const name of ['controller.key.pem', 'old-only']) {
    await rename(join(directory, name), join(directory, 'replaced-feedfeedfeedfeed', name));
  }
  await rename(join(directory, 'restored'), join(directory, 'arriving'));
  await rename(join(directory, 'arriving', 'db'), join(directory, 'db'));
  await settleRestored(directory, yes);
  expect(await found()).toEqual(WHOLE);
});

it('never was, when its database did not commit', async () => {
  await mark('postgres');
  await settleRestored(directory, () => Promise.resolve(false));
  expect((await readdir(directory)).sort()).toEqual(['controller.key.pem', 'db', 'old-only']);
  expect(await read('db/rows')).toBe('old');
});
