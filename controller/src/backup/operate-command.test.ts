// The command line of backups and moves, over the very program: what it refuses, what it says, what it exits with.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../ports/clock.ts';
import { systemRandom } from '../ports/random.ts';
import { runOperation } from './operate-program.ts';
import { makeSeal, seal, unseal } from './sealing.ts';

let directory = '';
const at = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-operate-'));
  await writeFile(at('pass'), 'correct horse battery\n');
  await writeFile(at('short'), 'short\n');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const run = async (...args: string[]) => {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const world = { clock: systemClock, random: systemRandom, environment: {}, out: write, err: write };
  return { code: await runOperation(args, world), text };
};

it.each([
  ['a backup without anything to seal it', ['backup', 'create', 'x'], 'never written open'],
  ['a short passphrase', ['backup', 'create', 'x', '--passphrase-file', 'short'], 'fewer than 12'],
  [
    'a restore that says nothing of revoked devices',
    ['backup', 'restore', 'x', '--passphrase-file', 'pass'],
    '--revoked',
  ],
  ['a move to nowhere', ['db', 'move', '--to', 'sqlite'], '--to must be'],
  ['a move without an address', ['db', 'move', '--to', 'postgres'], 'DATABASE_URL'],
  ['another word', ['backup', 'burn', 'x'], 'no command'],
])('%s is a wrong usage', async (_title, args, why) => {
  const placed = args.map((word) => (['pass', 'short'].includes(word) ? at(word) : word));
  const { code, text } = await run(...placed);
  expect([code, text.includes(why)]).toEqual([2, true]);
});

it("makes a key pair whose private half is its owner's alone, and overwrites none", async () => {
  expect((await run('backup', 'key', at('opener'))).code).toBe(0);
  expect((await stat(at('opener'))).mode & 0o777).toBe(0o600);
  expect(await readFile(at('opener.pub'), 'utf8')).toContain('PUBLIC KEY');
  expect(await run('backup', 'key', at('opener'))).toMatchObject({ code: 1 });
});

it("opens for a recipient's key and for the passphrase, whichever is there", async () => {
  const { createPrivateKey, createPublicKey } = await import('node:crypto');
  const privateKey = createPrivateKey(await readFile(at('opener'), 'utf8'));
  const recipient = createPublicKey(await readFile(at('opener.pub'), 'utf8'));
  const passphrase = 'correct horse battery';
  const content = systemRandom.bytes(200_000);
  const made = await makeSeal([{ passphrase }, { recipient }], systemRandom);
  const sealed: Buffer[] = [];
  for await (const part of seal(made, stream(content))) sealed.push(part);
  for (const opener of [{ passphrase }, { privateKey }]) {
    const opened: Buffer[] = [];
    for await (const part of unseal(stream(Buffer.concat(sealed)), opener)) opened.push(part);
    expect(Buffer.concat(opened).equals(Buffer.from(content))).toBe(true);
  }
});

it('says of a file that is no backup that it is none', async () => {
  const { code, text } = await run('backup', 'verify', at('pass'), '--passphrase-file', at('pass'));
  expect([code, text.includes('BACKUP_INVALID')]).toEqual([1, true]);
});

/** In pieces of an odd size, as a disk may give them. */
async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 7_777) {
    yield await Promise.resolve(bytes.subarray(from, from + 7_777));
  }
}
