// What counts as left behind in a written layer, and what does not.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { scratchDirectory } from '../../faults/parts/clone.ts';
import { leftoversOf } from './leftovers.ts';

describe('leftovers of a layer', () => {
  let upper = '';
  let lower = '';

  const put = (layer: string, path: string, content: string): void => {
    mkdirSync(join(layer, 'etc'), { recursive: true });
    writeFileSync(join(layer, path), content, { mode: 0o644 });
  };

  beforeEach(() => {
    const place = scratchDirectory();
    [upper, lower] = [join(place, 'upper'), join(place, 'lower')];
    for (const layer of [upper, lower]) put(layer, 'etc/passwd', 'root\n');
  });

  it('are none where all that was written is as before', () => {
    for (const layer of [upper, lower]) symlinkSync('passwd', join(layer, 'etc/link'));
    expect(leftoversOf({ upper, lower })).toEqual({ leftovers: [], ofTheSystem: [] });
  });

  it('are files and folders that are new, and files with other content, rights or targets', () => {
    put(upper, 'etc/passwd', 'root\nsomebody\n');
    mkdirSync(join(upper, 'opt'));
    for (const layer of [upper, lower]) put(layer, 'etc/open', '');
    chmodSync(join(upper, 'etc/open'), 0o600);
    symlinkSync('passwd', join(lower, 'etc/link'));
    symlinkSync('group', join(upper, 'etc/link'));
    const { leftovers } = leftoversOf({ upper, lower });
    expect(leftovers).toEqual(['/etc/link', '/etc/open', '/etc/passwd', '/opt']);
  });

  it.runIf(process.getuid?.() === 0)('are files of the system that were removed, not own ones', () => {
    put(lower, 'etc/hosts', '');
    execFileSync('mknod', [join(upper, 'etc/hosts'), 'c', '0', '0']);
    execFileSync('mknod', [join(upper, 'etc/own'), 'c', '0', '0']);
    expect(leftoversOf({ upper, lower }).leftovers).toEqual(['/etc/hosts']);
  });

  it('do not hold the copies that programs for users keep, which are told apart', () => {
    put(upper, 'etc/passwd-', 'root\nsomebody\n');
    put(upper, 'etc/.pwd.lock', '');
    expect(leftoversOf({ upper, lower })).toEqual({
      leftovers: [],
      ofTheSystem: ['/etc/.pwd.lock', '/etc/passwd-'],
    });
  });
});
