// Behaviour of the lock: one holder at a time, a dead holder's lock is taken over, a living one is named.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from './directory-lock.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-lock-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const lockFile = () => join(directory, 'start.lock');

describe('lockDirectory', () => {
  it('refuses a second holder and names the first', () => {
    const unlock = lockDirectory(directory);
    const second = () => lockDirectory(directory);
    expect(second).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }));
    expect(second).toThrow(String(process.pid));
    unlock();
    lockDirectory(directory)();
  });

  it('leaves nothing behind', async () => {
    lockDirectory(directory)();
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ['of a process that is gone', '{"pid":4194304,"started":"1"}'],
    ['of a pid that another process has now', `{"pid":${process.pid},"started":"1"}`],
    ['that a power cut tore', '{"pid":'],
  ])('takes over a lock %s', async (_name, content) => {
    await writeFile(lockFile(), content);
    const unlock = lockDirectory(directory);
    expect(JSON.parse(await readFile(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid });
    unlock();
    expect(existsSync(lockFile())).toBe(false);
  });
});
