// Behaviour of releases: a copy carries no foreign signature, a further release differs in counter and graph, and stays valid.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Manifest, parseManifest } from '@nanofleet/protocol';
import { generateSigningKey, sha256OfFile, signBundleDirectory } from '@nanofleet/protocol/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLONE } from '../layout.ts';
import { prepareBundle } from './release.ts';

const from = join(CLONE.bundles, 'vibration-1');
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nf-release-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const manifestIn = async (path: string): Promise<Manifest> =>
  parseManifest(await readFile(join(path, 'manifest.json')));
const graphOf = ({ files }: Manifest) => files.find(({ role }) => role === 'infer.int8');

describe('prepareBundle', () => {
  it('copies the exact manifest and drops a signature', async () => {
    const signed = join(directory, 'signed');
    await prepareBundle({ from, to: signed });
    await signBundleDirectory(signed, generateSigningKey());
    const copy = join(directory, 'copy');
    await prepareBundle({ from: signed, to: copy });
    expect(existsSync(join(copy, 'manifest.sig'))).toBe(false);
    expect(await sha256OfFile(join(copy, 'manifest.json'))).toBe(
      await sha256OfFile(join(from, 'manifest.json')),
    );
  });

  it('makes a further release that can be signed and whose graph is another file', async () => {
    const to = join(directory, 'next');
    await prepareBundle({ from, to, release: { counter: 9, version: '9.0.0' } });
    const [before, after] = [await manifestIn(from), await manifestIn(to)];
    expect(after).toMatchObject({ releaseCounter: 9, version: '9.0.0', labels: before.labels });
    expect(graphOf(after)?.sha256).not.toBe(graphOf(before)?.sha256);
    await expect(signBundleDirectory(to, generateSigningKey())).resolves.toMatchObject({
      manifest: { releaseCounter: 9 },
    });
  });

  it('begins anew where an earlier copy was torn', async () => {
    const to = join(directory, 'again');
    for (const counter of [3, 4])
      await prepareBundle({ from, to, release: { counter, version: `${counter}.0.0` } });
    expect((await manifestIn(to)).releaseCounter).toBe(4);
  });
});
