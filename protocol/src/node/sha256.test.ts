// Behaviour of SHA-256 in this project's writing.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sha256Of, sha256OfFile } from './sha256.ts';

it('gives the digest of FIPS 180-4 for "abc", from bytes, from text and from a file', async () => {
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const directory = await mkdtemp(join(tmpdir(), 'nanofleet-sha-'));
  const path = join(directory, 'abc');
  await writeFile(path, 'abc');
  expect(sha256Of('abc')).toBe(expected);
  expect(sha256Of(Uint8Array.of(97, 98, 99))).toBe(expected);
  expect(await sha256OfFile(path)).toBe(expected);
  await rm(directory, { recursive: true });
});
