import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readArrayFile, writeArrayFile } from './array-file.ts';

let path = '';
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
  path = join(directory, 'weights.bin');
});
afterEach(async () => await rm(directory, { recursive: true }));

const CONTENT = {
  meta: { epoch: 3, näme: 'ü' },
  arrays: new Map([
    ['a', Float32Array.of(1, -0.5)],
    ['b', new Float32Array()],
  ]),
};

describe('an array file', () => {
  it('gives back what was written', async () => {
    await writeArrayFile(path, CONTENT);
    expect(await readArrayFile(path)).toEqual(CONTENT);
  });

  it('is undefined where there is none', async () => {
    expect(await readArrayFile(path)).toBeUndefined();
  });

  it.each([
    ['cut off', async () => await truncate(path, 70)],
    ['something else', async () => await writeFile(path, 'hello, this is text')],
  ])('is refused with a code when it is %s', async (_, spoil) => {
    await writeArrayFile(path, CONTENT);
    await spoil();
    await expect(readArrayFile(path)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  });
});
