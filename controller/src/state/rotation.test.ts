import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestSchema } from '@nanofleet/protocol';
import { describe, expect, it } from 'vitest';
import { RotationFiles } from './rotation.ts';

const OLD_KEY = digestSchema.parse('a'.repeat(64));
const begun = { part: 'authority', startedAtMs: 1, endsAtMs: 2 } as const;

const setUp = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nanofleet-rotation-'));
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
  for (const [name, text] of [
    ['ca.key.pem', 'old key'],
    ['ca.pem', 'old'],
    ['ca.next.key.pem', 'new key'],
    ['ca.next.pem', 'new'],
  ] as const)
    put(name, text);
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const files = await RotationFiles.open(directory);
  await files.announce(begun);
  return { directory, files, read, contents: () => ['ca.key.pem', 'ca.pem', 'ca.old.pem'].map(read) };
};

describe('files of a rotation', () => {
  it('leave the old ones alone until it ends, also across a start', async () => {
    const { directory, read } = await setUp();
    const { state } = await RotationFiles.open(directory);
    expect(state).toMatchObject({ ...begun, phase: 'announced', version: 1 });
    expect([read('ca.key.pem'), read('ca.pem')]).toEqual(['old key', 'old']);
  });

  it('take their places at the end; of the old ones only the certificate is kept', async () => {
    const { contents, directory, files } = await setUp();
    await files.finish(OLD_KEY);
    expect(contents()).toEqual(['new key', 'new', 'old']);
    expect(files.state).toMatchObject({ phase: 'done', version: 2, previousKeyId: OLD_KEY });
    expect(['ca.next.key.pem', 'ca.next.pem'].map((name) => existsSync(join(directory, name)))).toEqual([
      false,
      false,
    ]);
  });

  it.each([0, 1, 2])(
    'are moved to the end by the next start after a crash that had moved %i of them',
    async (moved) => {
      const { contents, directory, files } = await setUp();
      writeFileSync(
        join(directory, 'rotation.json'),
        JSON.stringify({ ...files.state, phase: 'moving', version: 2, previousKeyId: OLD_KEY }),
      );
      if (moved > 0) writeFileSync(join(directory, 'ca.old.pem'), 'old');
      const steps = [
        ['ca.next.key.pem', 'ca.key.pem'],
        ['ca.next.pem', 'ca.pem'],
      ] as const;
      for (const [from, to] of steps.slice(0, moved)) renameSync(join(directory, from), join(directory, to));
      expect((await RotationFiles.open(directory)).state).toMatchObject({ phase: 'done', version: 2 });
      expect(contents()).toEqual(['new key', 'new', 'old']);
    },
  );

  it('that were made and never announced are nothing to the next start', async () => {
    const { contents, directory, files } = await setUp();
    await files.finish(OLD_KEY);
    writeFileSync(join(directory, 'ca.next.key.pem'), 'unannounced');
    await RotationFiles.open(directory);
    expect(contents()).toEqual(['new key', 'new', 'old']);
  });
});
