import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from './directory-lock.ts';

describe('the lock of a state directory', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'nanofleet-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const hold = (content: string) => writeFileSync(join(directory, 'lock'), content);

  it('lets one holder in at a time, and the next one after its release', () => {
    const lock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }));
    lock.release();
    lockDirectory(directory).release();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('names the process that holds it', () => {
    const lock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(`process ${process.pid}`);
    lock.release();
  });

  it.each([
    ['of a process that is gone', '{"pid": 4194303, "started": "1"}'],
    ['of a process whose number another one has now', `{"pid": ${process.pid}, "started": "1"}`],
    ['torn by a power cut', '{"pid": 12'],
  ])('is taken over when it is one %s', (_title, content) => {
    hold(content);
    const lock = lockDirectory(directory);
    expect(readdirSync(directory)).toEqual(['lock']);
    lock.release();
  });

  it('is not removed by a holder that lost it', () => {
    const lock = lockDirectory(directory);
    hold('{"pid": 1, "started": "1"}');
    lock.release();
    expect(readdirSync(directory)).toEqual(['lock']);
  });
});
