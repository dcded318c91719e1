import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspectBundle } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callForge } from '../testing/call-forge.ts';

const bundle = fileURLToPath(new URL('../../../bundles/household-1', import.meta.url));
const data = fileURLToPath(new URL('../../../corpus/controller.jsonl', import.meta.url));
const release = ['--version', '7.0.0', '--release-counter', '7'];
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forge-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('forge degrade', () => {
  it('makes a further release that loses about so many points and reproduces its golden vectors', async () => {
    const out = join(directory, 'worse');
    const made = await callForge(
      'degrade',
      bundle,
      '--data',
      data,
      '--out',
      out,
      '--points',
      '10',
      ...release,
      '--json',
    );
    expect(made).toMatchObject({ code: 0, notes: '' });
    const { accuracy, digest } = JSON.parse(made.out) as {
      accuracy: { before: number; after: number };
      digest: string;
    };
    expect((accuracy.before - accuracy.after) * 100).toBeGreaterThan(5);
    expect((accuracy.before - accuracy.after) * 100).toBeLessThan(15);
    const parent = await inspectBundle(bundle);
    const worse = await inspectBundle(out);
    expect(worse).toMatchObject({ digest, manifest: { releaseCounter: 7, parent: parent.digest } });
    expect(await readFile(join(out, 'CARD.md'), 'utf8')).toContain('worse on purpose');
  }, 60_000);

  it('refuses points that mean nothing, and a directory that exists', async () => {
    const none = await callForge(
      'degrade',
      bundle,
      '--data',
      data,
      '--out',
      join(directory, 'x'),
      '--points',
      '0',
      ...release,
    );
    expect(none).toMatchObject({ code: 2, out: '' });
    expect(none.notes).toContain('--points');
    const taken = await callForge(
      'degrade',
      bundle,
      '--data',
      data,
      '--out',
      directory,
      '--points',
      '5',
      ...release,
    );
    expect(taken.notes).toContain('exists already');
  });
});
